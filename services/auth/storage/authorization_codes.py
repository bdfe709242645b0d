"""Authorization codes in the database."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, bindparam, insert, select, true, update

from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.authorization.code import AuthorizationCode, Parties
from services.auth.storage.tables import authorization_codes, browser_sessions, clients, users
from shared.database import Connection

_row = authorization_codes.c

_NAMES = tuple(field.name for field in fields(AuthorizationCode))
_ADD = insert(authorization_codes)
_FIND = select(*(_row[name] for name in _NAMES)).where(_row.code_hash == bindparam("wanted"))
#: The locks are taken in the order in which the tables are named; each row is then read as it is once it is held.
_PARTIES = (
    select(
        clients.c.disabled_at,
        clients.c.metadata["first_party"].as_boolean(),
        users.c.disabled_at,
        users.c.tokens_valid_from,
        users.c.roles,
        users.c.team,
        browser_sessions.c.ended_at,
        browser_sessions.c.idle_expires_at,
        browser_sessions.c.expires_at,
    )
    .select_from(clients.join(users, true()).join(browser_sessions, true()))
    .where(
        clients.c.client_id == bindparam("client"),
        users.c.id == bindparam("user"),
        browser_sessions.c.id == bindparam("session"),
    )
    .with_for_update(read=True, of=(clients, users, browser_sessions))
)
_NOW = bindparam("now", type_=_row.used_at.type)
_USE = (
    update(authorization_codes)
    .where(_row.code_hash == bindparam("wanted"), _row.used_at.is_(None), _row.expires_at > _NOW)
    .values(used_at=_NOW, family_id=bindparam("family"))
)


@dataclass(frozen=True)
class SqlAuthorizationCodes:
    """Implements `authorization.code.AuthorizationCodes`."""

    connection: Connection

    def add(self, code: AuthorizationCode) -> None:
        values = {
            **{name: getattr(code, name) for name in _NAMES},
            "scopes": sorted(code.scopes),
            "resources": list(code.resources),
            "amr": list(code.amr),
            "claims": code.claims.record(),
        }
        self.connection.execute(_ADD, values)

    def find(self, code_hash: bytes) -> AuthorizationCode | None:
        row = self.connection.execute(_FIND, {"wanted": code_hash}).mappings().one_or_none()
        if row is None:
            return None
        members = {
            **row,
            "scopes": frozenset(row["scopes"]),
            "resources": tuple(row["resources"]),
            "amr": tuple(row["amr"]),
            "claims": RequestedClaims.from_record(row["claims"]),
        }
        return AuthorizationCode(**members)

    def lock_parties(self, code: AuthorizationCode) -> Parties | None:
        parameters = {"client": code.client_id, "user": code.user_id, "session": code.session_id}
        row = self.connection.execute(_PARTIES, parameters).one_or_none()
        if row is None:
            return None
        client_disabled_at, first_party, user_disabled_at, tokens_valid_from, roles, *rest = row
        return Parties(client_disabled_at, bool(first_party), user_disabled_at, tokens_valid_from, tuple(roles), *rest)

    def use(self, code_hash: bytes, family_id: UUID, now: datetime) -> bool:
        parameters = {"wanted": code_hash, "family": family_id, "now": now}
        return self.connection.execute(_USE, parameters).rowcount == 1

    def end_pending(
        self,
        now: datetime,
        *,
        client_id: str | None = None,
        user_id: UUID | None = None,
        session_id: UUID | None = None,
    ) -> None:
        named = [
            column == wanted
            for column, wanted in (
                (_row.client_id, client_id),
                (_row.user_id, user_id),
                (_row.session_id, session_id),
            )
            if wanted is not None
        ]
        if not named:
            raise ValueError("an end of every code there is")
        pending = and_(_row.used_at.is_(None), _row.expires_at > now, *named)
        locked = select(_row.code_hash).where(pending).order_by(_row.code_hash).with_for_update()
        if self.connection.execute(locked).first() is not None:
            self.connection.execute(update(authorization_codes).where(pending).values(expires_at=now))
