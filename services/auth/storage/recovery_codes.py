"""Recovery codes in the database: a row a code that may still be used."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from services.auth.accounts.recovery_codes import RecoveryCode
from services.auth.storage.tables import recovery_codes
from shared.database import Connection

_row = recovery_codes.c


@dataclass(frozen=True)
class SqlRecoveryCodes:
    """Implements `accounts.recovery_codes.RecoveryCodes`."""

    connection: Connection

    def find(self, user_id: UUID) -> list[RecoveryCode]:
        query = select(_row.id, _row.sealed_hash).where(_row.user_id == user_id).order_by(_row.id)
        return [RecoveryCode(*row) for row in self.connection.execute(query)]

    def count(self, user_id: UUID) -> int:
        query = select(func.count()).select_from(recovery_codes).where(_row.user_id == user_id)
        return int(self.connection.execute(query).scalar_one())

    def replace(self, user_id: UUID, codes: Sequence[RecoveryCode], now: datetime) -> None:
        self.connection.execute(delete(recovery_codes).where(_row.user_id == user_id))
        rows = [{**asdict(code), "user_id": user_id, "created_at": now} for code in codes]
        if rows:
            self.connection.execute(insert(recovery_codes), rows)

    def use(self, code_id: UUID) -> bool:
        return self.connection.execute(delete(recovery_codes).where(_row.id == code_id)).rowcount == 1
