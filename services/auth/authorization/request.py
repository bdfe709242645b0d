"""The authorization request, checked and frozen, and the row in which it waits for a person.

Spec: OpenID Connect Core s3.1.2.1 and s5.5, RFC 6749 s4.1.1, RFC 7636 s4.3, RFC 8707 s2; Policy: ADR-0007
"""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.revocation import PendingRequests

#: Values of `prompt` that mean something here (OpenID Connect Core s3.1.2.1); others are ignored.
PROMPT_VALUES = ("none", "login", "consent", "select_account")
PROMPTS = frozenset(PROMPT_VALUES)
#: How an answer can travel back (OAuth 2.0 Multiple Response Types s2.1), the default first.
RESPONSE_MODES = ("query", "form_post")


@dataclass(frozen=True)
class AuthorizationRequest:
    """What a client asked for, every part checked: the redirect URI is registered, the scopes are the client's.

    `subjects`: only these users may be the answer (claims parameter, id_token_hint); None: anybody. `acr_values`: the
    classes of ours that are wished for. `essential_acr`: the classes of which one is a must, as they were named; None:
    there is no must.
    """

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    resources: tuple[str, ...] = ()
    state: str | None = None
    nonce: str | None = None
    code_challenge: str | None = None
    prompts: frozenset[str] = frozenset()
    max_age: int | None = None
    login_hint: str | None = None
    response_mode: str = "query"
    subjects: frozenset[str] | None = None
    acr_values: frozenset[str] = frozenset()
    essential_acr: frozenset[str] | None = None
    claims: RequestedClaims = field(default_factory=RequestedClaims)

    @property
    def consent_scopes(self) -> frozenset[str]:
        """What a person allows by agreeing: the scopes, and those that open the claims asked for by name."""
        return self.scopes | self.claims.scopes

    def record(self) -> dict[str, Any]:
        """Return the JSON members that a row keeps."""
        members = {member.name: getattr(self, member.name) for member in fields(self)}
        kept = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in members.items()}
        return {**kept, "claims": self.claims.record()}

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> "AuthorizationRequest":
        """Return the request that `record` made these members of."""
        sets = ("scopes", "prompts", "subjects", "acr_values", "essential_acr")
        members = {
            **record,
            **{name: frozenset(record[name]) for name in sets if record.get(name) is not None},
            "resources": tuple(record["resources"]),
            "claims": RequestedClaims.from_record(record.get("claims")),
        }
        return cls(**members)


@dataclass(frozen=True)
class WaitingRequest:
    """One row: a request that waits for a person, and how far that person has come.

    `browser_hash`: the one browser that may go on with it. `first_factor_user_id`: a password was right, the second
    factor is still to come; that lives here alone. `signed_in_session_id`: a sign-in was completed for this request.
    `continued_session_id`: the person agreed to go on as that session's user. `consented_session_id`: and to what the
    client asks for. `pushed`: its client has pushed it, and no browser has come for it yet.
    """

    handle_hash: bytes
    request: AuthorizationRequest
    created_at: datetime
    expires_at: datetime
    browser_hash: bytes | None = None
    first_factor_user_id: UUID | None = None
    first_factor_at: datetime | None = None
    signed_in_session_id: UUID | None = None
    continued_session_id: UUID | None = None
    consented_session_id: UUID | None = None
    pushed: bool = False


class WaitingRequests(PendingRequests, Protocol):
    """The port that storage implements. Finding and completing name the browser: a handle alone opens nothing."""

    def add(self, waiting: WaitingRequest) -> None: ...

    def bind(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
        """Give an unbound row to this browser; a bound one and a pushed one stay as they are."""
        ...

    def find_pushed(self, handle_hash: bytes, now: datetime) -> AuthorizationRequest | None:
        """Return an unexpired pushed request that no browser has come for."""
        ...

    def claim_pushed(self, handle_hash: bytes, browser_hash: bytes, *, expires_at: datetime, now: datetime) -> None:
        """Make a pushed request this browser's waiting one, in one conditional statement."""
        ...

    def find(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> WaitingRequest | None:
        """Return the row if it is this browser's, unexpired and not completed."""
        ...

    def set_first_factor(self, handle_hash: bytes, user_id: UUID, now: datetime) -> None: ...

    def set_signed_in(self, handle_hash: bytes, session_id: UUID) -> None:
        """Record a completed sign-in; a first factor without its second is forgotten."""
        ...

    def set_continued(self, handle_hash: bytes, session_id: UUID) -> None: ...

    def set_consented(self, handle_hash: bytes, session_id: UUID) -> None: ...

    def complete(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
        """Use the row up; False when it is not this browser's, expired or used up before."""
        ...
