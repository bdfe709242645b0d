"""A client's logout request: what of it may be believed, whether a person must be asked, and where they go after it.

Spec: OpenID Connect RP-Initiated Logout s2, s3 and s4; Policy: ADR-0007
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

from services.auth.accounts.browser_session import BrowserSession
from services.auth.clients.client import Client
from services.auth.keys.signer import Signer
from services.auth.tokens.id_token import verify_own_id_token

#: Longest id_token_hint that is looked at, in characters.
MAX_HINT_LENGTH = 16_384


@dataclass(frozen=True)
class Hint:
    """What an ID token of ours tells: for which client, and from which session."""

    client_id: str
    session_id: UUID


@dataclass(frozen=True)
class LogoutRequest:
    """What is kept of a request. It holds no token, and an address only if the client's registration has it.

    `proven`: an ID token of ours names the client, so that its address may be gone to without a click.
    `note`: why the browser is not sent back; None: nothing was wrong.
    """

    client_id: str | None = None
    session_id: UUID | None = None
    proven: bool = False
    redirect_uri: str | None = None
    state: str | None = None
    note: str | None = None

    def concerns(self, session: BrowserSession) -> bool:
        """Report whether the client holds an ID token of this very session: then nobody needs to be asked.

        A stranger's token, or the link of somebody who has none, signs nobody out.
        """
        return self.session_id == session.id

    def record(self) -> dict[str, Any]:
        """Return the JSON members that a row keeps."""
        return {**asdict(self), "session_id": str(self.session_id) if self.session_id else None}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "LogoutRequest":
        """Return the request that `record` made these members of."""
        return cls(**{**record, "session_id": UUID(record["session_id"]) if record["session_id"] else None})

    def way_back(self, client: Client | None) -> str | None:
        """Return where the browser goes once it is signed out, `client` being the one that it names now.

        None: nowhere, since the client did not prove that it is the one, or has no such address (any more).
        """
        return self.offered_way_back(client) if self.proven else None

    def offered_way_back(self, client: Client | None) -> str | None:
        """Return where a person may go by a click of their own: a registered address of a client that is only named."""
        if client is None or client.client_id != self.client_id or self.redirect_uri is None:
            return None
        if client.disabled_at is not None or self.redirect_uri not in client.post_logout_redirect_uris:
            return None
        if self.state is None:
            return self.redirect_uri
        return f"{self.redirect_uri}{'&' if '?' in self.redirect_uri else '?'}state={quote(self.state, safe='')}"


@dataclass(frozen=True)
class WaitingLogout:
    """One row: a request that waits for its browser, or for a person's yes."""

    handle_hash: bytes
    request: LogoutRequest
    created_at: datetime
    expires_at: datetime
    browser_hash: bytes | None = None
    network: str | None = None
    completed_at: datetime | None = None
    outcome: str | None = None


class WaitingLogouts(Protocol):
    """The port that storage implements. Finding and completing name the browser: a handle alone opens nothing."""

    def add(self, waiting: WaitingLogout) -> None:
        """Store it; the oldest row of a browser or network that has too many goes."""
        ...

    def bind(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
        """Give an unbound row to this browser; a bound one stays as it is."""
        ...

    def find(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> WaitingLogout | None:
        """Return the row if it is this browser's, unexpired and not completed."""
        ...

    def find_any(self, handle_hash: bytes) -> WaitingLogout | None:
        """Return the row in whatever state it is, also for another browser: only to say what has become of it."""
        ...

    def complete(self, handle_hash: bytes, browser_hash: bytes, now: datetime, *, outcome: str) -> bool:
        """Use the row up, noting what came of it; False when it is not this browser's, expired or used up before."""
        ...


def read_hint(signer: Signer, text: str, *, issuer: str) -> Hint | None:
    """Return what an id_token_hint tells; None when it is not an ID token that this provider signed.

    An expired one is fine, and so is one whose key has left the JWKS. Its audience is who it was issued to.
    """
    claims = verify_own_id_token(signer, text, issuer=issuer) if len(text) <= MAX_HINT_LENGTH else None
    if claims is None or not isinstance(claims.get("aud"), str):
        return None
    try:
        return Hint(claims["aud"], UUID(str(claims.get("sid"))))
    except ValueError:
        return None


def check_logout_request(
    *,
    hint: Hint | None,
    hinted: bool,
    client_id: str | None,
    client: Client | None,
    redirect_uri: str | None,
    state: str | None,
) -> LogoutRequest:
    """Keep what may be believed. `hinted`: there was an id_token_hint, good (`hint`) or bad.

    `client` is the one that the hint, else `client_id`, names. Never raises: what is wrong costs the way back alone.
    """
    if hinted and (hint is None or client_id not in {None, hint.client_id}):
        return LogoutRequest(note="bad_hint")
    named = LogoutRequest(
        client_id=client.client_id if client else None,
        session_id=hint.session_id if hint else None,
        proven=hint is not None,
        state=state,
    )
    if redirect_uri is None:
        return named
    if client is None:
        return LogoutRequest(session_id=named.session_id, note="unknown_client")
    if redirect_uri not in client.post_logout_redirect_uris:
        return LogoutRequest(client.client_id, named.session_id, note="unregistered_address")
    return LogoutRequest(client.client_id, named.session_id, named.proven, redirect_uri, state)
