"""The outbox of mail in the database."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, insert, select, update

from services.auth.mail.outbox import Mail, MailKind
from services.auth.storage.tables import mails
from shared.database import Connection

_row = mails.c


@dataclass(frozen=True)
class SqlMails:
    """Implements `mail.outbox.Mails`."""

    connection: Connection

    def add(self, mail: Mail, address_hash: bytes) -> None:
        self.connection.execute(
            insert(mails).values(
                id=mail.id,
                kind=mail.kind,
                user_id=mail.user_id,
                address=mail.address,
                address_hash=address_hash,
                details=mail.values,
                attempts=mail.attempts,
                created_at=mail.created_at,
                next_attempt_at=mail.created_at,
            )
        )

    def sent_since(self, kind: MailKind, since: datetime, *, address_hash: bytes | None, user_id: UUID | None) -> int:
        whose = _row.address_hash == address_hash if address_hash is not None else _row.user_id == user_id
        query = select(func.count()).select_from(mails).where(_row.kind == kind, _row.created_at > since, whose)
        return int(self.connection.execute(query).scalar_one())

    def claim(self, now: datetime, *, lease: timedelta, limit: int) -> list[Mail]:
        due = (
            select(_row.id)
            .where(_row.outcome.is_(None), _row.next_attempt_at <= now)
            .order_by(_row.next_attempt_at, _row.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # what another process is claiming; SQLite has one writer
            .cte("due")
        )
        statement = (
            update(mails)
            .where(_row.id.in_(select(due.c.id)), _row.outcome.is_(None), _row.next_attempt_at <= now)
            .values(next_attempt_at=now + lease, attempts=_row.attempts + 1)
            .returning(_row.id, _row.kind, _row.user_id, _row.address, _row.details, _row.created_at, _row.attempts)
        )
        found = [
            Mail(row.id, MailKind(row.kind), row.user_id, row.address, row.details, row.created_at, row.attempts)
            for row in self.connection.execute(statement)
        ]
        return sorted(found, key=lambda mail: mail.id)

    def is_open(self, mail: Mail) -> bool:
        query = select(_row.id).where(_row.id == mail.id, _row.outcome.is_(None))
        return self.connection.execute(query).first() is not None

    def put_off(self, mail: Mail, until: datetime) -> None:
        mine = (_row.id == mail.id, _row.outcome.is_(None), _row.attempts == mail.attempts)
        self.connection.execute(update(mails).where(*mine).values(next_attempt_at=until))

    def finish(self, mail: Mail, outcome: str, now: datetime, *, user_id: UUID | None) -> bool:
        statement = update(mails).where(_row.id == mail.id, _row.outcome.is_(None))
        values = {"outcome": outcome, "finished_at": now, "user_id": user_id, "address": "", "details": {}}
        return self.connection.execute(statement.values(**values)).rowcount == 1
