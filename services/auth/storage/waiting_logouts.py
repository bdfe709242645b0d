"""Logout requests that wait, in the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, insert

from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout
from services.auth.storage import waiting_rows
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import waiting_logouts
from shared.database import Connection


@dataclass(frozen=True)
class SqlWaitingLogouts:
    """Implements `logout.rp_initiated.WaitingLogouts`."""

    connection: Connection

    def add(self, waiting: WaitingLogout) -> None:
        at = waiting.created_at
        over = waiting_rows.is_over(waiting_logouts, at)
        sweep(self.connection, waiting_logouts, added=waiting.handle_hash, before=at, over=over)
        waiting_rows.make_room(
            self.connection, waiting_logouts, browser_hash=waiting.browser_hash, network=waiting.network
        )
        self.connection.execute(
            insert(waiting_logouts).values(
                handle_hash=waiting.handle_hash,
                browser_hash=waiting.browser_hash,
                request=waiting.request.record(),
                created_at=waiting.created_at,
                expires_at=waiting.expires_at,
                network=waiting.network,
            )
        )

    def bind(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> None:
        waiting_rows.bind(self.connection, waiting_logouts, handle_hash, browser_hash, now)

    def find(self, handle_hash: bytes, browser_hash: bytes, now: datetime) -> WaitingLogout | None:
        return _logout_of(waiting_rows.find(self.connection, waiting_logouts, handle_hash, browser_hash, now))

    def find_any(self, handle_hash: bytes) -> WaitingLogout | None:
        return _logout_of(waiting_rows.find_any(self.connection, waiting_logouts, handle_hash))

    def complete(self, handle_hash: bytes, browser_hash: bytes, now: datetime, *, outcome: str) -> bool:
        return waiting_rows.complete(self.connection, waiting_logouts, handle_hash, browser_hash, now, outcome)


def _logout_of(row: RowMapping | None) -> WaitingLogout | None:
    return None if row is None else WaitingLogout(**{**row, "request": LogoutRequest.from_record(row["request"])})
