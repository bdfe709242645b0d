"""One-time links in the database."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, or_, select, update

from services.auth.accounts.one_time_link import LinkKind, OneTimeLink
from services.auth.mail.outbox import MailKind
from services.auth.storage.tables import mails, one_time_links
from shared.database import Connection

_row = one_time_links.c
_COLUMNS = tuple(_row[field.name] for field in fields(OneTimeLink))


@dataclass(frozen=True)
class SqlOneTimeLinks:
    """Implements `one_time_link.OneTimeLinks`."""

    connection: Connection

    def add(self, link: OneTimeLink) -> None:
        self.connection.execute(insert(one_time_links).values(**asdict(link)))

    def find(self, token_hash: bytes, now: datetime) -> OneTimeLink | None:
        query = select(*_COLUMNS).where(_row.token_hash == token_hash, _row.used_at.is_(None), _row.expires_at > now)
        row = self.connection.execute(query).mappings().one_or_none()
        return None if row is None else OneTimeLink(**{**row, "kind": LinkKind(row["kind"])})

    def accept(self, token_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
        return self._take(token_hash, browser_hash, now, used_at=None)

    def use(self, token_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
        return self._take(token_hash, browser_hash, now, used_at=now)

    def was_used(self, token_hash: bytes, browser_hash: bytes, since: datetime) -> bool:
        query = select(_row.kind).where(
            _row.token_hash == token_hash, _row.browser_hash == browser_hash, _row.used_at >= since
        )
        return self.connection.execute(query).first() is not None

    def end_of_user(self, user_id: UUID, now: datetime) -> None:
        still_good = (_row.user_id == user_id, _row.used_at.is_(None), _row.expires_at > now)
        self.connection.execute(update(one_time_links).where(*still_good).values(expires_at=now))
        # its link is made when it is sent: whoever asked for it may be whom this end is against
        waits = (mails.c.user_id == user_id, mails.c.kind == MailKind.VERIFICATION, mails.c.outcome.is_(None))
        dropped = {"outcome": "dropped", "finished_at": now, "address": "", "details": {}}
        self.connection.execute(update(mails).where(*waits).values(**dropped))

    def _take(self, token_hash: bytes, browser_hash: bytes, now: datetime, *, used_at: datetime | None) -> bool:
        statement = update(one_time_links).where(
            _row.token_hash == token_hash,
            _row.used_at.is_(None),
            _row.expires_at > now,
            or_(_row.browser_hash.is_(None), _row.browser_hash == browser_hash),
        )
        return self.connection.execute(statement.values(browser_hash=browser_hash, used_at=used_at)).rowcount == 1
