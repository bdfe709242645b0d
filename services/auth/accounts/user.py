"""Users: the people who sign in.

A user's subject is their id (a UUID), never reassigned; the user name is what they type and may change.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

#: The standard claims that each scope opens (OpenID Connect Core s5.4).
SCOPE_CLAIMS: dict[str, tuple[str, ...]] = {
    "profile": (
        "name",
        "family_name",
        "given_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "updated_at",
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
#: Standard claims that are not text (OpenID Connect Core s5.1).
_TYPES: dict[str, type] = {"email_verified": bool, "phone_number_verified": bool, "address": dict}
#: The role of those who look after the provider itself.
ADMIN = "admin"
#: Bytes that a user name may have as it is typed: 200 characters of any script, composed or not.
LONGEST_TYPED = 1024
#: Claims that are not kept in `User.claims` but made from the user itself.
_DERIVED = frozenset({"preferred_username", "updated_at"})
STORED_CLAIMS = frozenset(name for names in SCOPE_CLAIMS.values() for name in names) - _DERIVED


def claim_fault(name: str, value: object) -> str | None:
    """Return what is wrong with a claim that is to be stored; None: nothing."""
    if name not in STORED_CLAIMS:
        return f"{name} is not a standard claim that is kept"
    expected = _TYPES.get(name, str)
    return None if isinstance(value, expected) else f"{name} must be of type {expected.__name__} (quote a date)"


class UserState(StrEnum):
    """Whether a user may sign in: not yet, yes, no more."""

    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True)
class User:
    """One user as stored. `tokens_valid_from`: sign-ins from before it are over."""

    id: UUID
    username: str
    password_hash: str | None
    team: str | None
    roles: tuple[str, ...]
    updated_at: datetime
    disabled_at: datetime | None
    tokens_valid_from: datetime | None
    has_totp: bool
    claims: dict[str, Any] = field(default_factory=dict)
    email: str | None = None
    email_verified_at: datetime | None = None
    #: None: invited, and not in yet.
    activated_at: datetime | None = None
    #: Whether a passkey of theirs may be asked for; and whether one must be, since they added it on purpose.
    has_passkey: bool = False
    demands_passkey: bool = False

    @property
    def owes_second_factor(self) -> bool:
        """Whether this user has to set up a second factor before anything else."""
        return ADMIN in self.roles and not self.has_second_factor and not self.has_passkey

    @property
    def subject(self) -> str:
        return str(self.id)

    @property
    def display_name(self) -> str:
        name = self.claims.get("name")
        return name if isinstance(name, str) and name else self.username

    @property
    def state(self) -> UserState:
        if self.disabled_at is not None:
            return UserState.DISABLED
        return UserState.INVITED if self.activated_at is None else UserState.ACTIVE

    @property
    def has_second_factor(self) -> bool:
        """Whether a sign-in asks for a second factor. Recovery codes alone are none: each stands for one."""
        return self.has_totp or self.demands_passkey

    @property
    def email_key(self) -> str | None:
        """The form in which the address is compared."""
        return None if self.email is None else normalise_username(self.email)

    @property
    def verified_email(self) -> str | None:
        """The address that was proven to be this user's; mail about security goes there alone."""
        return self.email if self.email_verified_at is not None else None

    @property
    def standard_claims(self) -> dict[str, Any]:
        """Every standard claim that this user has; empty ones are left out."""
        known = {
            **self.claims,
            **self._email_claims,
            "preferred_username": self.username,
            "updated_at": int(self.updated_at.timestamp()),
        }
        return {name: value for name, value in known.items() if value not in (None, "")}

    @property
    def _email_claims(self) -> dict[str, Any]:
        if self.email is None:
            return {}
        return {"email": self.email, "email_verified": self.email_verified_at is not None}

    def may_sign_in(self, at: datetime) -> bool:
        """Report whether a sign-in of that moment counts: the user is enabled, and nothing has ended it since."""
        return self.disabled_at is None and (self.tokens_valid_from is None or at >= self.tokens_valid_from)

    def claims_for(self, scopes: frozenset[str]) -> dict[str, Any]:
        """Return the standard claims that these scopes open and that this user has."""
        known = self.standard_claims
        names = [name for scope, names in SCOPE_CLAIMS.items() if scope in scopes for name in names]
        return {name: known[name] for name in names if name in known}


class Users(Protocol):
    """The port that storage implements."""

    def find(self, user_id: UUID) -> User | None: ...

    def find_by_username(self, username: str) -> User | None: ...

    def find_for_sign_in(self, name: str) -> User | None:
        """Find by user name or, when nobody has that, by verified e-mail address; `name` is normalised."""
        ...

    def lock(self, user_id: UUID) -> User | None:
        """Find, and hold the row unchanged until the transaction ends."""
        ...

    def lock_for_end(self, user_id: UUID) -> None:
        """Hold the row against redemptions until the transaction ends."""
        ...

    def invalidate_tokens(self, user_id: UUID, now: datetime) -> None:
        """Set `tokens_valid_from`, which never goes back."""
        ...

    def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        """Disable at this moment, or enable (None); False when it was so before, or there is no such user."""
        ...


def normalise_username(typed: str) -> str:
    """Return the form in which a user name or an address is stored and compared: NFKC, case-folded, trimmed.

    Trimmed of invisible characters too, which come with a paste. Empty, which nobody's name is, for what is longer than
    any name: the time of NFKC grows with the square of a run of combining marks.
    """
    if len(typed) > LONGEST_TYPED or len(typed.encode("utf-8", "surrogatepass")) > LONGEST_TYPED:
        return ""
    name = unicodedata.normalize("NFKC", typed).casefold()
    seen = [at for at, letter in enumerate(name) if not letter.isspace() and unicodedata.category(letter) != "Cf"]
    return name[seen[0] : seen[-1] + 1] if seen else ""
