"""The entries of a configuration file that are users and APIs.

Spec: OpenID Connect Core s5.1 (claims), RFC 6749 s3.3 (names of scopes)
"""

from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, field_validator

from services.auth.accounts.password import is_too_long
from services.auth.accounts.user import claim_fault, normalise_username
from services.auth.scopes import OIDC_SCOPES

#: How every entry is read: an unknown name is a fault, and no fault shows what stood there.
STRICT = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Entry(BaseModel):
    model_config = STRICT


class UserEntry(_Entry):
    """One user; `password` and `totp_secret` are for local stacks alone."""

    sub: UUID
    username: str
    password: str = Field(min_length=8, max_length=1024, repr=False)
    totp_secret: str | None = Field(default=None, pattern=r"^[A-Z2-7]{26,}$", repr=False)
    team: str | None = Field(default=None, max_length=100)
    roles: list[str] = []
    claims: dict[str, Any] = {}

    @field_validator("password")
    @classmethod
    def _can_be_hashed(cls, value: str) -> str:
        if is_too_long(value):
            raise ValueError("the password is too long")
        return value

    @field_validator("claims")
    @classmethod
    def _standard(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, claim in value.items():
            if fault := claim_fault(name, claim):
                raise ValueError(fault)
        return value

    @field_validator("username")
    @classmethod
    def _normalised(cls, value: str) -> str:
        username = normalise_username(value)
        if not 0 < len(username) <= 200:
            raise ValueError("must hold 1 to 200 characters, normalised")
        return username


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
