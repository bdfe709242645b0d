"""The entries of a configuration file that are users and APIs.

Spec: OpenID Connect Core s5.1 (claims), RFC 6749 s3.3 (names of scopes)
"""

from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from services.auth.accounts.email_address import parse_email_address
from services.auth.accounts.password import is_password_hash, is_too_long
from services.auth.accounts.person_name import parse_username
from services.auth.accounts.user import claim_fault
from services.auth.scopes import OIDC_SCOPES

#: How every entry is read: an unknown name is a fault, and no fault shows what stood there.
STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Entry(BaseModel):
    model_config = STRICT


class UserEntry(_Entry):
    """One user; `password` and `totp_secret` are for local stacks alone.

    `password_hash` brings a user from another system: it counts once, and a password that its user has set since stays.
    """

    sub: UUID
    username: str
    password: str | None = Field(default=None, min_length=8, max_length=1024, repr=False)
    password_hash: str | None = Field(default=None, max_length=500, repr=False)
    totp_secret: str | None = Field(default=None, pattern=r"^[A-Z2-7]{26,}$", repr=False)
    team: str | None = Field(default=None, max_length=100)
    roles: list[str] = []
    claims: dict[str, Any] = {}

    @field_validator("password")
    @classmethod
    def _can_be_hashed(cls, value: str | None) -> str | None:
        if value is not None and is_too_long(value):
            raise ValueError("the password is too long")
        return value

    @field_validator("password_hash")
    @classmethod
    def _can_be_verified(cls, value: str | None) -> str | None:
        if value is not None and not is_password_hash(value):
            raise ValueError("must be Argon2id in PHC form: $argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>")
        return value

    @model_validator(mode="after")
    def _one_password(self) -> Self:
        if self.password is not None and self.password_hash is not None:
            raise ValueError("has a password or a password_hash, not both")
        return self

    @field_validator("claims")
    @classmethod
    def _standard(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, claim in value.items():
            if fault := claim_fault(name, claim):
                raise ValueError(fault)
        if email := value.get("email"):
            parse_email_address(email)
        return value

    @field_validator("username")
    @classmethod
    def _normalised(cls, value: str) -> str:
        return parse_username(value)


class ScopeEntry(_Entry):
    """One scope of an API."""

    name: str = Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]+$", max_length=200)
    description: str
    machine_only: bool = False
    role: str | None = None

    @field_validator("name")
    @classmethod
    def _of_an_api(cls, value: str) -> str:
        if value in OIDC_SCOPES:
            raise ValueError("is a scope of OpenID Connect and belongs to no API")
        return value


class ApiEntry(_Entry):
    """One API; its identifier is its public URL without a trailing slash."""

    identifier: str = Field(pattern=r"^https?://[^?#\s]*[^/?#\s]$", max_length=300)
    name: str = Field(max_length=200)
    scopes: list[ScopeEntry]
