"""The authorization request, checked and frozen.

Spec: OpenID Connect Core s3.1.2.1 and s5.5, RFC 6749 s4.1.1, RFC 7636 s4.3, RFC 8707 s2, RFC 9449 s10, RFC 8628 s3.3
"""

from dataclasses import dataclass, field, fields
from typing import Any

from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.clients.client import Client

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
    there is no must. `language`: the best of ours that `ui_locales` names. `device`: the hash of the
    device code (hex) whose device is answered in place of a redirect.
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
    dpop_jkt: str | None = None
    language: str | None = None
    device: str | None = None

    @property
    def consent_scopes(self) -> frozenset[str]:
        """What a person allows by agreeing: the scopes, and those that open the claims asked for by name."""
        return self.scopes | self.claims.scopes

    def may_be_answered(self, client: Client) -> bool:
        """Say whether the request may go on: its client is enabled, and the address is (still) its own."""
        if self.device is not None:
            return client.disabled_at is None
        return client.may_return_to(self.redirect_uri)

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
