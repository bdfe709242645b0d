"""Waiting requests in the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, and_, insert, null, or_, select, update

from services.auth.authorization.request import WaitingRequest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.storage import waiting_rows
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import browser_sessions, waiting_requests
from shared.database import Connection

_row = waiting_requests.c


@dataclass(frozen=True)
class SqlWaitingRequests:
    """Implements `authorization.request.WaitingRequests`."""

    connection: Connection

    def add(self, waiting: WaitingRequest) -> None:
        at = waiting.created_at
        over = waiting_rows.is_over(waiting_requests, at)
        sweep(self.connection, waiting_requests, added=waiting.handle_hash, before=at, over=over)
        waiting_rows.make_room(
            self.connection, waiting_requests, browser_hash=waiting.browser_hash, network=waiting.network
        )
        self.connection.execute(
            insert(waiting_requests).values(
                handle_hash=waiting.handle_hash,
                browser_hash=waiting.browser_hash,
                request=waiting.request.record(),
                created_at=waiting.created_at,
                expires_at=waiting.expires_at,
                network=waiting.network,
                pushed=waiting.pushed,
            )
        )

    def bind(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
        waiting_rows.bind(self.connection, waiting_requests, handle_hash, browser_hash, now)

    def find_pushed(self, handle_hash: bytes, now: datetime) -> AuthorizationRequest | None:
        query = select(_row.request).where(_row.handle_hash == handle_hash, _row.pushed, _row.expires_at > now)
        record = self.connection.execute(query).scalar_one_or_none()
        return None if record is None else AuthorizationRequest.from_record(record)

    def claim_pushed(
        self, handle_hash: bytes, browser_hash: bytes, *, network: str, expires_at: datetime, now: datetime
    ) -> None:
        waiting_rows.make_room(self.connection, waiting_requests, browser_hash=browser_hash, network=network)
        statement = (
            update(waiting_requests)
            .where(_row.handle_hash == handle_hash, _row.pushed, _row.expires_at > now)
            .values(browser_hash=browser_hash, network=network, pushed=False, expires_at=expires_at)
        )
        self.connection.execute(statement)

    def find(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> WaitingRequest | None:
        return _request_of(waiting_rows.find(self.connection, waiting_requests, handle_hash, browser_hash, now))

    def find_any(self, handle_hash: bytes) -> WaitingRequest | None:
        return _request_of(waiting_rows.find_any(self.connection, waiting_requests, handle_hash))

    def set_notice(self, handle_hash: bytes, notice: dict[str, Any]) -> None:
        self._set(handle_hash, notice=notice)

    def set_first_factor(self, handle_hash: bytes, user_id: UUID, now: datetime) -> None:
        self._set(handle_hash, first_factor_user_id=user_id, first_factor_at=now, notice=null())

    def set_signed_in(self, handle_hash: bytes, session_id: UUID) -> None:
        values = {"first_factor_user_id": None, "first_factor_at": None, "notice": null()}
        self._set(handle_hash, signed_in_session_id=session_id, **values)

    def set_continued(self, handle_hash: bytes, session_id: UUID) -> None:
        self._set(handle_hash, continued_session_id=session_id)

    def set_consented(self, handle_hash: bytes, session_id: UUID) -> None:
        self._set(handle_hash, consented_session_id=session_id)

    def complete(self, handle_hash: bytes, browser_hash: bytes, now: datetime, *, outcome: str) -> bool:
        return waiting_rows.complete(self.connection, waiting_requests, handle_hash, browser_hash, now, outcome)

    def end_of_user(self, user_id: UUID, now: datetime) -> None:
        theirs = select(browser_sessions.c.id).where(browser_sessions.c.user_id == user_id)
        self._end(
            or_(
                _row.first_factor_user_id == user_id,
                _row.signed_in_session_id.in_(theirs),
                _row.continued_session_id.in_(theirs),
                _row.consented_session_id.in_(theirs),
            ),
            now,
        )

    def end_of_client(self, client_id: str, now: datetime) -> None:
        self._end(_row.request["client_id"].as_string() == client_id, now)

    def _end(self, whose: ColumnElement[bool], now: datetime) -> None:
        pending = and_(_row.expires_at > now, _row.completed_at.is_(None), whose)
        self.connection.execute(update(waiting_requests).where(pending).values(completed_at=now))

    def _set(self, handle_hash: bytes, **values: Any) -> None:
        self.connection.execute(
            update(waiting_requests)
            .where(_row.handle_hash == handle_hash, _row.completed_at.is_(None))
            .values(**values)
        )


def _request_of(row: RowMapping | None) -> WaitingRequest | None:
    if row is None:
        return None
    return WaitingRequest(**{**row, "request": AuthorizationRequest.from_record(row["request"])})
