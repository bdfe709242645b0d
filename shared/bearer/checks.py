"""What doctor looks at in a resource server: its database, its issuer as it sees it, and its own name.

Spec: RFC 9068 s4, RFC 9728 s3.3, draft-ietf-oauth-status-list-17 s8.3
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from shared.bearer.keys.key_set import BadKeySet, KeySet, parse_key_set
from shared.bearer.settings import ResourceServerSettings
from shared.bearer.status.status_list import MEDIA_TYPE, BadStatusList, read_status_list, signing_kid
from shared.bearer.web.metadata import metadata_url
from shared.clock import Clock
from shared.doctor import (
    Check,
    Failed,
    Finding,
    Web,
    clock_check,
    database_checks,
    discovery_url,
    issuer_check,
    ok,
    warning,
)

#: A cap beyond this is worth a look: a revoked sign-in's access tokens work until they expire.
LONG_LIFETIME = timedelta(minutes=15)


def key_set_at(web: Web, url: str) -> KeySet:
    """Return the keys at `url`, as a verifier would take them.

    Raises:
        Failed: nobody answers there, or there is no usable key.
    """
    answer = web.get(url)
    answer.document()
    try:
        return parse_key_set(answer.body)
    except BadKeySet as error:
        raise Failed(f"{url} is not a usable key set: {error}", "look at the provider's `signing keys`") from error


def resource_server_checks(service: str, settings: ResourceServerSettings, web: Web) -> Sequence[Check]:
    """Return the checks of one API."""
    prefix, api = str(settings.model_config.get("env_prefix", "")), _Api(settings, web)
    return [
        *database_checks(service, settings),
        issuer_check(web, settings.issuer, f"{prefix}ISSUER"),
        Check("signing keys", api.keys, f"correct {prefix}JWKS_URL, or unset it"),
        Check("same keys", api.same_keys, f"correct {prefix}JWKS_URL, or unset it"),
        Check("status lists", api.statuses, f"correct {prefix}STATUS_BASE_URL, or unset it"),
        clock_check(web, settings.issuer, settings),
        Check("audience", api.audience, f"{prefix}AUDIENCE is the URL that clients reach this API at: correct it"),
        Check("token lifetime", api.lifetime),
    ]


@dataclass(frozen=True)
class _Api:
    """One API, its issuer, and the network between them."""

    settings: ResourceServerSettings
    web: Web

    def keys(self) -> Finding:
        url = self.settings.keys_url
        return ok(f"{url} holds {len(key_set_at(self.web, url).keys)} that verify")

    def same_keys(self) -> Finding:
        named = self.web.get(discovery_url(self.settings.issuer)).document().get("jwks_uri")
        if named == self.settings.keys_url:
            return ok("fetched where discovery says")
        if not isinstance(named, str) or not named.startswith(("https://", "http://")):
            raise Failed("discovery names no jwks_uri", "another program answers there, or the provider is broken")
        if key_set_at(self.web, named).fingerprint != key_set_at(self.web, self.settings.keys_url).fingerprint:
            raise Failed(f"{self.settings.keys_url} holds other keys than {named}, which discovery names")
        return ok(f"{self.settings.keys_url} holds what discovery names at {named}")

    def statuses(self) -> Finding:
        """Read the first list as `StatusSource` does. The provider has none before its first token."""
        policy, now = self.settings.status_policy(), Clock(self.settings.clock_file).now()
        url = policy.address(0)
        answer = self.web.get(url, headers={"Accept": MEDIA_TYPE})
        if answer.status == 404:
            remedy = "sign in once and run this again; if that changes nothing, correct STATUS_BASE_URL"
            return warning(f"{url} is not there: no token was issued yet, or the address is wrong", remedy)
        token = answer.content().strip().decode("ascii", "replace")
        keys = key_set_at(self.web, self.settings.keys_url).keys
        try:
            if (public_key := keys.get(signing_kid(token))) is None:
                remedy = "a rotation this moment: run it again; else STATUS_BASE_URL or JWKS_URL is another provider's"
                raise Failed(f"{url} is signed by a key that {self.settings.keys_url} does not hold", remedy)
            found = read_status_list(token, public_key, uri=policy.uri(0), now=now, leeway=policy.leeway)
        except BadStatusList as error:
            raise Failed(f"{url} is not a status list of {self.settings.issuer}: {error}") from error
        if now >= found.expires_at + policy.leeway:
            remedy = "look at `clock`; else something between answers an old copy: let no proxy keep it"
            raise Failed(f"{url} expired at {found.expires_at:%Y-%m-%d %H:%M:%S}Z", remedy)
        return ok(f"{url} is signed and current; looked at again every {found.ttl.total_seconds():g} s")

    def audience(self) -> Finding:
        settings = self.settings
        document = self.web.get(metadata_url(settings.audience)).document()
        if document.get("resource") != settings.audience:
            raise Failed(f"the API at {settings.audience} calls itself {document.get('resource')!r}")
        servers = document.get("authorization_servers")
        if not isinstance(servers, list) or settings.issuer not in servers:
            remedy = "the running API has another issuer: restart it with these settings"
            raise Failed(f"the API at {settings.audience} does not name {settings.issuer} as its issuer", remedy)
        return ok(f"the API at {settings.audience} calls itself that, and names its issuer")

    def lifetime(self) -> Finding:
        seconds = int(self.settings.max_token_lifetime.total_seconds())
        if self.settings.max_token_lifetime > LONG_LIFETIME:
            remedy = "bring MAX_TOKEN_LIFETIME down to the longest that the provider issues"
            return warning(f"tokens of up to {seconds} s are accepted: a revoked sign-in works for as long", remedy)
        return ok(f"tokens of up to {seconds} s are accepted; the provider must issue none that live longer")
