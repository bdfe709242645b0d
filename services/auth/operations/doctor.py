"""What `python -m services.auth doctor` looks at: its keys as they are stored, and the provider as browsers meet it.

Spec: OpenID Connect Discovery s4.3, RFC 6265bis (`__Host-`)
Makes nothing: no key, no secret, no token; its /authorize asks for prompt=none, of which no row is kept.
"""

import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie

from services.auth.accounts.totp import totp_label
from services.auth.app import key_ring, local_secret_file, token_issuer
from services.auth.endpoints.web.cookies import BROWSER
from services.auth.keys.encryption import decrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import open_key_set
from services.auth.keys.signing_key import StoredSigningKey, open_signing_key
from services.auth.opaque_token import b64url, digest, mint_opaque_token
from services.auth.rate_limits.limits import RateLimits
from services.auth.settings import AuthSettings
from services.auth.storage.inspection import PublicClient, SqlInspection
from services.auth.storage.signing_keys import SqlSigningKeys
from shared import doctor
from shared.bearer.checks import key_set_at
from shared.database import Connection
from shared.doctor import Answer, Check, Failed, Finding, Web, discovery_url, ok, warning
from shared.errors import ConfigurationError, SuiteError
from shared.installation import installation_of

OLD_KEY = timedelta(days=90)
#: How many TOTP secrets are opened from each end of the table.
TOTP_SAMPLE = 20

_RINGS = ("key_encryption_keys", "refresh_mac_keys")
#: What a client may say of itself, and nobody should believe. Addresses and names of documentation (RFC 5737, 6761).
_SPOOFED = {
    "X-Forwarded-For": "192.0.2.66",
    "X-Forwarded-Host": "spoofed.invalid",
    "X-Forwarded-Proto": "gopher",
    "Forwarded": "for=192.0.2.66;host=spoofed.invalid;proto=gopher",
}


def run() -> int:
    """Print the report and return the exit code."""
    return doctor.run("auth", AuthSettings, checks_of)


def checks_of(settings: AuthSettings, web: Web) -> Sequence[Check]:
    """Return the checks of one process's settings."""
    settings = _with_its_issuer(settings)
    stored, live = _Stored(settings), _Live(settings, web)
    keys = "docs/runbooks/keys.md"
    return [
        *doctor.database_checks("auth", settings),
        Check("encryption keys", stored.encryption_keys, f"give AUTH_KEY_ENCRYPTION_KEYS that key again: {keys}"),
        Check("MAC keys", stored.mac_keys, f"give AUTH_REFRESH_MAC_KEYS that key again: {keys}"),
        Check("signing keys", stored.signing_keys, f"start auth, which makes the first one; {keys}"),
        doctor.issuer_check(web, settings.issuer, "AUTH_ISSUER"),
        Check("key set", live.key_set, "restart auth: it loads its keys at the start"),
        Check("tokens", live.tokens, "restart auth, so that it runs with these settings"),
        Check("cookies", live.cookies, "the running auth has another AUTH_ISSUER: correct it, restart"),
        Check("proxy headers", live.proxy_headers, "let the proxy replace forwarding headers, and auth trust it alone"),
        doctor.clock_check(web, settings.issuer, settings),
        Check("rate limits", stored.rate_limits, "start Valkey, or correct AUTH_RATE_LIMIT_STORAGE_URL"),
        Check("secret files", stored.secret_files, "chmod 600 that file"),
    ]


def _with_its_issuer(settings: AuthSettings) -> AuthSettings:
    """Return the settings with the issuer that the database remembers, if they name none."""
    if "issuer" in settings.model_fields_set:
        return settings
    try:
        with _Stored(settings).connection() as connection:
            known = installation_of(connection)
    except SuiteError:  # a check's to report
        return settings
    return settings.model_copy(update={"issuer": known.issuer}) if known and known.issuer else settings


class _Stored:
    """What the database, the settings and the disk hold."""

    def __init__(self, settings: AuthSettings) -> None:
        self._settings = settings

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with doctor.opened(self._settings.database("auth")) as database, database.autocommit() as connection:
            yield connection

    def published(self) -> list[StoredSigningKey]:
        with self.connection() as connection:
            return SqlSigningKeys(connection).published()

    def ring(self, name: str) -> KeyRing:
        """Return a ring that is there; unlike auth's start it makes none."""
        file = local_secret_file(self._settings, name)
        if file is not None and not getattr(self._settings, name).get_secret_value() and not file.exists():
            raise Failed(f"there is no {file}", "start auth once, which makes it; or correct DATA_DIR")
        return key_ring(self._settings, name)

    def encryption_keys(self) -> Finding:
        ring = self.ring("key_encryption_keys")
        with self.connection() as connection:
            signing_keys = SqlSigningKeys(connection).published()
            credentials = SqlInspection(connection).totp_sample(TOTP_SAMPLE)
        for key in signing_keys:
            open_signing_key(ring, key)
        for credential in credentials:
            decrypt(ring, credential.sealed_secret, belongs_to=totp_label(credential.user_id))
        return ok(f"open all that was tried: signing keys {len(signing_keys)}, TOTP secrets {len(credentials)}")

    def mac_keys(self) -> Finding:
        ring = self.ring("refresh_mac_keys")
        with self.connection() as connection:
            used = SqlInspection(connection).mac_kids(self._settings.clock().now())
        if missing := {kid.hex(): count for kid, count in used.items() if kid not in ring.keys}:
            names = ", ".join(f"{kid} ({count} sign-ins)" for kid, count in sorted(missing.items()))
            raise Failed(f"no key {names}: those apps will be signed out at their next refresh")
        return ok(f"hold the keys of all {sum(used.values())} live sign-ins")

    def signing_keys(self) -> Finding:
        now, published = self._settings.clock().now(), self.published()
        active = [key for key in published if key.state == "active"]
        if len(active) != 1:
            raise Failed(f"{len(active) or 'none'} of {len(published)} is active; there must be one")
        age = max(now - active[0].created_at, timedelta(0))
        says = f"{active[0].kid} is active, {age.days} days old; {len(published) - 1} more published"
        if age > OLD_KEY:
            return warning(says, f"rotate it every {OLD_KEY.days} days: docs/runbooks/keys.md")
        return ok(says)

    def rate_limits(self) -> Finding:
        url = self._settings.rate_limit_storage_url.get_secret_value()
        if not url:
            return ok("each process counts for itself: AUTH_RATE_LIMIT_STORAGE_URL is not set")
        if not RateLimits({}, storage_url=url).shared_storage_answers():
            raise Failed("the storage does not answer or refuses us: each process counts for itself meanwhile")
        return ok("the shared storage answers")

    def secret_files(self) -> Finding:
        files = [file for name in _RINGS if (file := local_secret_file(self._settings, name)) and file.exists()]
        for file in files:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & 0o077:
                raise Failed(f"{file} has mode {mode:04o}: others may read it")
        return ok(f"{len(files)} under DATA_DIR, for their owner alone" if files else "none under DATA_DIR")


class _Live:
    """What the running provider answers at its public address."""

    def __init__(self, settings: AuthSettings, web: Web) -> None:
        self._settings = settings
        self._stored = _Stored(settings)
        self._web = web

    def key_set(self) -> Finding:
        url = f"{self._settings.issuer}/.well-known/jwks.json"
        found = key_set_at(self._web, url)
        active = [key.kid for key in self._stored.published() if key.state == "active"]
        if absent := [kid for kid in active if kid not in found.keys]:
            raise Failed(f"{url} lacks the active key {absent[0]}: tokens signed with it are refused")
        return ok(f"{url} holds {len(found.keys)}, the active one among them")

    def tokens(self) -> Finding:
        try:
            ring = self._stored.ring("key_encryption_keys")
            issuer = token_issuer(self._settings, open_key_set(self._stored.published(), ring))
        except ConfigurationError as error:
            raise Failed(str(error), "see `encryption keys` and `signing keys`") from error
        running = self._web.get(discovery_url(self._settings.issuer)).document().get("issuer")
        if running != issuer.issuer:
            raise Failed(f"by these settings iss is {issuer.issuer}, but the running auth is {running!r}")
        return ok(f"iss is {issuer.issuer} here and there; {int(issuer.access_token_lifetime.total_seconds())} s long")

    def cookies(self) -> Finding:
        with self._stored.connection() as connection:
            client = SqlInspection(connection).public_client()
        if client is None:
            return warning("no public client to ask with", "apply a configuration: python -m services.auth apply FILE")
        answer = self._authorize(client)
        morsel = _browser_cookie(answer)
        if morsel is None:
            remedy = f"apply the configuration that {client.client_id} is in, or look at the log of auth"
            raise Failed(f"/authorize answers {answer.status} to {client.client_id}, without {BROWSER}", remedy)
        secure = self._settings.secure
        if faults := _faults(morsel, secure=secure):
            scheme = "https" if secure else "http"
            raise Failed(f"the issuer is {scheme}, but its cookie {morsel.key} {', '.join(faults)}")
        return ok(f"{morsel.key} is {'Secure, ' if secure else ''}HttpOnly, Lax, and this host's alone")

    def proxy_headers(self) -> Finding:
        settings, url = self._settings, discovery_url(self._settings.issuer)
        plain, spoofed = self._web.get(url).document(), self._web.get(url, headers=_SPOOFED).document()
        if plain.get("issuer") != spoofed.get("issuer"):
            raise Failed("a client's own X-Forwarded-Host changes what discovery says")
        if any(network.prefixlen == 0 for network in settings.proxy_networks):
            remedy = "name the proxy's network alone in AUTH_TRUSTED_PROXIES"
            return warning("X-Forwarded-For is believed from everybody: limits by network can be evaded", remedy)
        if settings.proxy_networks:
            return ok(f"X-Forwarded-For is believed from {settings.trusted_proxies} alone, the nearest stranger counts")
        own_tls = settings.tls_cert_file is not None and settings.tls_key_file is not None
        if settings.secure and not own_tls:
            remedy = "set AUTH_TRUSTED_PROXIES to the network of the proxy that TLS ends at"
            return warning("all callers count as one network, the proxy's: no proxy is trusted", remedy)
        return ok("X-Forwarded-For is believed from nobody: who connects is who counts")

    def _authorize(self, client: PublicClient) -> Answer:
        parameters = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": client.redirect_uri,
            "scope": client.scope,
            "prompt": "none",
            "code_challenge": b64url(digest(mint_opaque_token())),
            "code_challenge_method": "S256",
        }
        return self._web.get(f"{self._settings.issuer}/authorize", params=parameters)


def _browser_cookie(answer: Answer) -> Morsel[str] | None:
    for header in answer.headers.get_list("set-cookie"):
        for name, morsel in SimpleCookie(header).items():
            if name.removeprefix("__Host-") == BROWSER:
                return morsel
    return None


def _faults(morsel: Morsel[str], *, secure: bool) -> list[str]:
    """Return how the cookie differs from what the scheme of the issuer asks for."""
    faults = {
        "is not __Host-": secure and not morsel.key.startswith("__Host-"),
        "is __Host-": not secure and morsel.key.startswith("__Host-"),
        "is not Secure": secure and not morsel["secure"],
        "is Secure": not secure and bool(morsel["secure"]),
        "is not HttpOnly": not morsel["httponly"],
        "is not SameSite=Lax": str(morsel["samesite"]).lower() != "lax",
        "has a Domain": bool(morsel["domain"]),
        "is not for Path=/": morsel["path"] != "/",
    }
    return [fault for fault, found in faults.items() if found]
