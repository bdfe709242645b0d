"""The sign-in that waits for the browser: its request, what must be remembered meanwhile, and what comes back.

Spec: RFC 6749 s4.1.1, s4.1.2, RFC 7636, RFC 9207, OpenID Connect Core s3.1.2
"""

import secrets
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from mobile import pkce
from mobile.errors import Offline, ProviderError, SignInRefused, UnexpectedCallback
from mobile.tokens import stored_moment

#: How long a sign-in may wait for the person; the provider's own waiting request lives as long.
PATIENCE = timedelta(minutes=15)

ALL_SCOPES = "openid profile email offline_access crm:read crm:write orders:read orders:write"


@dataclass(frozen=True)
class Registration:
    """What the app and the provider agreed on. A public client: it holds no secret (RFC 8252 s8.5)."""

    issuer: str
    client_id: str = "mobile-app"
    redirect_uri: str = "http://127.0.0.1/callback"
    scope: str = ALL_SCOPES
    #: Bind new sign-ins to a key of this app, if the provider can (RFC 9449).
    bind: bool = False


@dataclass(frozen=True)
class PendingSignIn:
    """One waiting sign-in. It is persisted BEFORE the browser opens: a phone may end the app meanwhile."""

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect_uri: str
    begun_at: datetime
    subject: str | None = None  # who has to sign in; None: whoever does

    @classmethod
    def begin(cls, redirect_uri: str, now: datetime, subject: str | None = None) -> "PendingSignIn":
        """Return a new one; its state, nonce and verifier serve this once."""
        state, verifier, nonce = secrets.token_urlsafe(32), pkce.new_verifier(), secrets.token_urlsafe(32)
        return cls(state, verifier, nonce, redirect_uri, now, subject)

    def stale(self, now: datetime) -> bool:
        """Report whether it waited too long for an answer to be believed."""
        return now - self.begun_at > PATIENCE

    def request_url(self, authorization_endpoint: str, registration: Registration, extra: dict[str, str]) -> str:
        """Return the URL that the system browser opens; `extra` may add prompt, acr_values and the like."""
        parameters = {
            "response_type": "code",
            "client_id": registration.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": registration.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": pkce.s256_challenge(self.verifier),
            "code_challenge_method": "S256",
            **extra,
        }
        separator = "&" if urlsplit(authorization_endpoint).query else "?"
        return f"{authorization_endpoint}{separator}{urlencode(parameters)}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "begun_at": self.begun_at.isoformat()}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "PendingSignIn":
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it was changed since.
        """
        pending = cls(**{**document, "begun_at": stored_moment(document["begun_at"])})
        texts = (pending.state, pending.verifier, pending.nonce, pending.redirect_uri, pending.subject or "")
        if not all(isinstance(text, str) and text.isascii() for text in texts):
            raise ValueError("not a waiting sign-in")
        return pending


@dataclass(frozen=True)
class Callback:
    """A redirect that reached the app. Anybody can send one: nothing in it is believed yet."""

    redirect_uri: str
    parameters: dict[str, str] = field(repr=False)

    @classmethod
    def parse(cls, url: str) -> "Callback":
        """Read `url`.

        Raises:
            UnexpectedCallback: no authorization response: unreadable, no state, or a parameter repeated (s3.1).
        """
        redirect_uri, _, rest = url.partition("?")
        try:
            pairs = parse_qsl(rest.partition("#")[0], keep_blank_values=True, max_num_fields=50)
        except ValueError:
            pairs = []
        parameters = dict(pairs)
        if len(parameters) != len(pairs) or not parameters.get("state"):
            raise UnexpectedCallback("not the answer to an authorization request")
        return cls(redirect_uri, parameters)

    @property
    def state(self) -> str:
        return self.parameters["state"]

    def answers(self, pending: PendingSignIn | None, now: datetime) -> bool:
        """Report whether this is the redirect that `pending` waits for: its state, its redirect URI, in time."""
        return (
            pending is not None
            and secrets.compare_digest(self.state.encode(), pending.state.encode())
            and self.redirect_uri == pending.redirect_uri
            and not pending.stale(now)
        )

    def code(self, issuer: str, *, iss_promised: bool) -> str:
        """Return the code, once the response is known to come from `issuer`. Spec: RFC 9207 s2.4

        Raises:
            ProviderError: another issuer's, or none though the provider promised one; or an error response.
            SignInRefused: the person said no, or the account cannot do what was asked.
            Offline: the provider is unable for the moment.
        """
        iss = self.parameters.get("iss")
        if iss != issuer and (iss is not None or iss_promised):
            raise ProviderError("the answer does not name the provider that was asked (mix-up): nothing was sent to it")
        error = self.parameters.get("error")
        if error == "access_denied":
            raise SignInRefused("the sign-in was cancelled; sign in again when you like")
        if error == "unmet_authentication_requirements":
            raise SignInRefused("the sign-in must be stronger than this account allows: it needs a second factor")
        if error == "temporarily_unavailable":
            raise Offline(f"{issuer} is unable to sign anybody in for the moment: try again later")
        if error is not None:
            raise ProviderError(f"the provider ended the sign-in ({printable(error)}); sign in again")
        code = self.parameters.get("code")
        if not code:
            raise ProviderError("the provider answered without a code")
        return code


def printable(text: object, limit: int = 64) -> str:
    """Return `text` fit for a terminal: it came from outside and may hold control sequences."""
    return "".join(character for character in str(text)[:limit] if character.isprintable())
