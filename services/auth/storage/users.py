"""Users and their TOTP credentials."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, case, delete, func, insert, or_, select, update

from services.auth.accounts.totp import TotpCredential
from services.auth.accounts.user import User
from services.auth.storage.tables import passkeys, totp_credentials, users
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

#: More than the passkeys of one user.
_DEMANDED = 1000
#: What a User is made of.
USER = (
    users.c.id,
    users.c.username,
    users.c.password_hash,
    users.c.claims,
    users.c.team,
    users.c.roles,
    users.c.disabled_at,
    users.c.tokens_valid_from,
    users.c.updated_at,
    select(totp_credentials.c.user_id).where(totp_credentials.c.user_id == users.c.id).exists().label("has_totp"),
    users.c.email,
    users.c.email_verified_at,
    users.c.activated_at,
    # NULL: no passkey; else how many can be used, and `_DEMANDED` for each that is demanded, usable or not
    select(
        func.sum(case((passkeys.c.copied_at.is_(None), 1), else_=0))
        + func.sum(case((passkeys.c.demanded, _DEMANDED), else_=0))
    )
    .where(passkeys.c.user_id == users.c.id)
    .scalar_subquery()
    .label("passkey_sum"),
)
_WITH_ID = select(*USER).where(users.c.id == bindparam("wanted"))
_BY_ID = CompiledStatement(lambda _: _WITH_ID)
_LOCK = CompiledStatement(lambda _: _WITH_ID.with_for_update(read=True, of=users))
_BY_USERNAME = CompiledStatement(lambda _: select(*USER).where(users.c.username == bindparam("wanted")))
_FOR_SIGN_IN = CompiledStatement(
    lambda _: (
        select(*USER)
        .where(
            or_(
                users.c.username == bindparam("wanted"),
                and_(users.c.email_key == bindparam("wanted"), users.c.email_verified_at.is_not(None)),
            )
        )
        .order_by(case((users.c.username == bindparam("wanted"), 0), else_=1))
        .limit(1)
    )
)


@dataclass(frozen=True)
class SqlUsers:
    """Implements `users.Users`."""

    connection: Connection

    def find(self, user_id: UUID) -> User | None:
        return self._read(_BY_ID, user_id)

    def find_by_username(self, username: str) -> User | None:
        return self._read(_BY_USERNAME, username)

    def find_for_sign_in(self, name: str) -> User | None:
        return self._read(_FOR_SIGN_IN, name)

    def lock(self, user_id: UUID) -> User | None:
        return self._read(_LOCK, user_id)

    def lock_for_end(self, user_id: UUID) -> None:
        # against FOR SHARE, not against the foreign keys of a sign-in, which comes to the user's row last
        self.connection.execute(select(users.c.id).where(users.c.id == user_id).with_for_update(key_share=True))

    def invalidate_tokens(self, user_id: UUID, now: datetime) -> None:
        before = users.c.tokens_valid_from
        statement = update(users).where(users.c.id == user_id)
        self.connection.execute(statement.values(tokens_valid_from=case((before > now, before), else_=now)))

    def set_disabled(self, user_id: UUID, at: datetime | None) -> bool:
        otherwise = users.c.disabled_at.is_(None) if at is not None else users.c.disabled_at.is_not(None)
        statement = update(users).where(users.c.id == user_id, otherwise).values(disabled_at=at)
        return self.connection.execute(statement).rowcount == 1

    def _read(self, query: CompiledStatement, wanted: object) -> User | None:
        row = query.first(self.connection, {"wanted": wanted})
        return None if row is None else user_of(*row)


def user_of(  # noqa: PLR0917 - the columns `USER`, in their order
    user_id: UUID,
    username: str,
    password_hash: str | None,
    claims: dict[str, Any],
    team: str | None,
    roles: list[str],
    disabled_at: datetime | None,
    tokens_valid_from: datetime | None,
    updated_at: datetime,
    has_totp: bool,
    email: str | None,
    email_verified_at: datetime | None,
    activated_at: datetime | None,
    passkey_sum: int | None,
) -> User:
    """Return the user that the columns `USER` hold."""
    return User(
        id=user_id,
        username=username,
        password_hash=password_hash,
        team=team,
        roles=tuple(roles),
        updated_at=updated_at,
        disabled_at=disabled_at,
        tokens_valid_from=tokens_valid_from,
        has_totp=has_totp,
        claims=claims,
        email=email,
        email_verified_at=email_verified_at,
        activated_at=activated_at,
        has_passkey=(passkey_sum or 0) % _DEMANDED > 0,
        demands_passkey=(passkey_sum or 0) >= _DEMANDED,
    )


@dataclass(frozen=True)
class SqlTotpCredentials:
    """Implements `mfa.totp.TotpCredentials`."""

    connection: Connection

    def find(self, user_id: UUID) -> TotpCredential | None:
        query = select(totp_credentials).where(totp_credentials.c.user_id == user_id)
        row = self.connection.execute(query).mappings().one_or_none()
        return None if row is None else TotpCredential(row["user_id"], row["sealed_secret"], row["last_step"])

    def add(self, user_id: UUID, sealed_secret: bytes, *, last_step: int, now: datetime) -> None:
        row = {"user_id": user_id, "sealed_secret": sealed_secret, "last_step": last_step, "created_at": now}
        self.connection.execute(insert(totp_credentials).values(row))

    def remove(self, user_id: UUID) -> bool:
        statement = delete(totp_credentials).where(totp_credentials.c.user_id == user_id)
        return self.connection.execute(statement).rowcount == 1

    def accept_step(self, user_id: UUID, step: int) -> bool:
        statement = (
            update(totp_credentials)
            .where(totp_credentials.c.user_id == user_id, totp_credentials.c.last_step < step)
            .values(last_step=step)
        )
        return self.connection.execute(statement).rowcount == 1
