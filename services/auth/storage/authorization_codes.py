"""Authorization codes in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, select, true, update

from services.auth.audit import AuditEvent
from services.auth.authorization.code import AuthorizationCode, Parties
from services.auth.storage import code_statements
from services.auth.storage.audit_events import SqlAuditTrail, audit_row
from services.auth.storage.families import SqlFamilies, draw_status_reference, family_row
from services.auth.storage.rows import AUTHORIZATION_WIDTH, authorization_columns, authorization_of, authorization_row
from services.auth.storage.tables import authorization_codes, browser_sessions, clients, users
from services.auth.tokens.family import NewFamily
from services.auth.tokens.status_list import StatusReference
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_row = authorization_codes.c

_OWN = (
    _row.code_hash,
    _row.redirect_uri,
    _row.code_challenge,
    _row.nonce,
    _row.created_at,
    _row.expires_at,
    _row.used_at,
    _row.family_id,
)
_CODE = (*_OWN, *authorization_columns(authorization_codes))
_WIDTH = len(_OWN) + AUTHORIZATION_WIDTH
_WANTED = bindparam("wanted", type_=_row.code_hash.type)
_FIND = CompiledStatement(lambda _: select(*_CODE).where(_row.code_hash == _WANTED))
#: The locks are taken in the order in which the tables are named; each row is then read as it is once it is held.
_LOCK = CompiledStatement(
    lambda _: (
        select(
            *_CODE,
            clients.c.disabled_at.label("client_disabled_at"),
            clients.c.metadata["first_party"].as_boolean().label("first_party"),
            users.c.disabled_at.label("user_disabled_at"),
            users.c.tokens_valid_from,
            users.c.roles,
            users.c.team,
            browser_sessions.c.ended_at.label("session_ended_at"),
            browser_sessions.c.idle_expires_at.label("session_idle_expires_at"),
            browser_sessions.c.expires_at.label("session_expires_at"),
        )
        .select_from(clients.join(users, true()).join(browser_sessions, true()).join(authorization_codes, true()))
        .where(
            _row.code_hash == _WANTED,
            clients.c.client_id == _row.client_id,
            users.c.id == _row.user_id,
            browser_sessions.c.id == _row.session_id,
        )
        .with_for_update(read=True, of=(clients, users, browser_sessions))
    )
)
_USE = CompiledStatement(
    lambda _: (
        update(authorization_codes)
        .where(
            _row.code_hash == _WANTED,
            _row.used_at.is_(None),
            _row.expires_at > bindparam("now", type_=_row.expires_at.type),
        )
        .values(used_at=bindparam("now"), family_id=bindparam("family"))
    )
)


class _SpentError(Exception):
    """The code was used before, or has expired."""


@dataclass(frozen=True)
class SqlAuthorizationCodes:
    """Implements `authorization.code.AuthorizationCodes`."""

    connection: Connection

    def add(self, code: AuthorizationCode, event: AuditEvent) -> None:
        values = _code_row(code)
        if self._postgres:
            code_statements.ISSUE.count(self.connection, {**values, **_event_values(event)})
            return
        code_statements.ADD.count(self.connection, values)
        SqlAuditTrail(self.connection).record(event)

    def find(self, code_hash: bytes) -> AuthorizationCode | None:
        row = _FIND.first(self.connection, {"wanted": code_hash})
        return None if row is None else _code_of(row)

    def lock(self, code_hash: bytes) -> tuple[AuthorizationCode, Parties] | None:
        row = _LOCK.first(self.connection, {"wanted": code_hash})
        return None if row is None else (_code_of(row[:_WIDTH]), _parties_of(*row[_WIDTH:]))

    def use(self, code: AuthorizationCode, family: NewFamily, event: AuditEvent) -> StatusReference | None:
        if not self._postgres:
            return self._use_step_by_step(code, family, event)
        values = {
            **{f"family_{name}": value for name, value in family_row(family).items()},
            **_event_values(event),
            "wanted": code.code_hash,
            "now": family.created_at,
        }

        def found(index: int) -> int | None:
            row = code_statements.REDEEM.first(self.connection, {**values, "family_status_index": index})
            usable, shard = row or (0, None)
            if not usable:
                raise _SpentError
            return None if shard is None else int(shard)

        try:
            return draw_status_reference(self.connection, family.created_at, found)
        except _SpentError:
            return None

    def _use_step_by_step(
        self, code: AuthorizationCode, family: NewFamily, event: AuditEvent
    ) -> StatusReference | None:
        """As SQLite needs it, which changes no rows inside of a WITH; its transaction holds the whole database."""
        values = {"wanted": code.code_hash, "family": family.id, "now": family.created_at}
        if _USE.count(self.connection, values) != 1:
            return None
        reference = SqlFamilies(self.connection).add(family)
        SqlAuditTrail(self.connection).record(event)
        return reference

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

    @property
    def _postgres(self) -> bool:
        return self.connection.dialect.name == "postgresql"


def _code_row(code: AuthorizationCode) -> dict[str, Any]:
    return {
        **authorization_row(code.authorization),
        "code_hash": code.code_hash,
        "redirect_uri": code.redirect_uri,
        "code_challenge": code.code_challenge,
        "nonce": code.nonce,
        "created_at": code.created_at,
        "expires_at": code.expires_at,
    }


def _code_of(row: tuple[Any, ...]) -> AuthorizationCode:
    code_hash, redirect_uri, code_challenge, nonce, created_at, expires_at, used_at, family_id, *authorization = row
    return AuthorizationCode(
        code_hash=code_hash,
        authorization=authorization_of(*authorization),
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        nonce=nonce,
        created_at=created_at,
        expires_at=expires_at,
        used_at=used_at,
        family_id=family_id,
    )


def _parties_of(
    client_disabled_at: datetime | None,
    first_party: bool | None,
    user_disabled_at: datetime | None,
    tokens_valid_from: datetime | None,
    roles: list[str],
    team: str | None,
    session_ended_at: datetime | None,
    session_idle_expires_at: datetime,
    session_expires_at: datetime,
) -> Parties:
    return Parties(
        client_disabled_at=client_disabled_at,
        first_party=bool(first_party),
        user_disabled_at=user_disabled_at,
        tokens_valid_from=tokens_valid_from,
        roles=tuple(roles),
        team=team,
        session_ended_at=session_ended_at,
        session_idle_expires_at=session_idle_expires_at,
        session_expires_at=session_expires_at,
    )


def _event_values(event: AuditEvent) -> dict[str, Any]:
    return {f"event_{name}": value for name, value in audit_row(event).items()}
