"""Deleting what has expired, a batch at a time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, ColumnElement, Table, and_, delete, func, not_, or_, select, tuple_, update

from services.auth.settings import AuthSettings
from services.auth.storage import waiting_rows
from services.auth.storage.assertion_jtis import MARGIN
from services.auth.storage.audit_events import forget_audit_events
from services.auth.storage.status_shards import SqlStatusShards
from services.auth.storage.tables import (
    assertion_jtis,
    authorization_codes,
    browser_sessions,
    device_authorizations,
    dpop_proofs,
    failure_budgets,
    families,
    known_devices,
    logout_notices,
    machine_places,
    mails,
    one_time_links,
    passkey_challenges,
    status_shards,
    step_answers,
    waiting_logouts,
    waiting_requests,
)
from services.auth.tokens.status_list import SHARD_SIZE, StatusReference
from shared.database import Connection, Database

#: Dead families (decision 4: no index of the status list is given away earlier), and what reuse of them is seen by.
KEPT = timedelta(days=30)
#: The longest token that a client's metadata can ask for (an hour), and leeway; a proof's settings say less.
LONGEST_TOKEN = timedelta(hours=1, minutes=2)
#: Rows of one transaction: short enough that nobody waits for it.
BATCH = 1000


@dataclass(frozen=True)
class SqlPurge:
    """One batch on one connection.

    `kept`: how long rows outlive their use; `longest_token`: with its leeway; `audit_kept`: how long events are kept.
    """

    connection: Connection
    now: datetime
    kept: timedelta
    longest_token: timedelta
    audit_kept: timedelta

    def waiting_requests(self) -> int:
        """Delete those of browsers and pushed ones alike, once nobody may begin them anew."""
        return self._delete(waiting_requests, waiting_rows.is_over(waiting_requests, self.now))

    def waiting_logouts(self) -> int:
        return self._delete(waiting_logouts, waiting_rows.is_over(waiting_logouts, self.now))

    def step_answers(self) -> int:
        """Delete the answers that are repeated no more."""
        return self._delete(step_answers, step_answers.c.expires_at < self.now)

    def mails(self) -> int:
        """Delete what is out or given up; the audit trail keeps what came of it."""
        return self._delete(mails, mails.c.finished_at < self.now - timedelta(days=1))

    def one_time_links(self) -> int:
        return self._delete(one_time_links, one_time_links.c.expires_at < self.now)

    def passkey_challenges(self) -> int:
        return self._delete(passkey_challenges, passkey_challenges.c.expires_at < self.now)

    def logout_notices(self) -> int:
        """Delete what was delivered or given up; what is still to be delivered stays."""
        return self._delete(logout_notices, logout_notices.c.finished_at < self.now - self.kept)

    def assertion_jtis(self) -> int:
        """Delete those of assertions that have expired."""
        cutoff = self.now - MARGIN
        key = (assertion_jtis.c.client_id, assertion_jtis.c.jti_hash)
        batch = select(*key).where(assertion_jtis.c.expires_at < cutoff).order_by(*key).limit(BATCH).with_for_update()
        found = [tuple(row) for row in self.connection.execute(batch)]
        self.connection.execute(delete(assertion_jtis).where(tuple_(*key).in_(found)))
        return len(found)

    def dpop_proofs(self) -> int:
        """Delete those of proofs that nobody could use again."""
        return self._delete(dpop_proofs, dpop_proofs.c.expires_at < self.now - MARGIN)

    def device_authorizations(self) -> int:
        return self._delete(device_authorizations, device_authorizations.c.expires_at < self.now - MARGIN)

    def families(self) -> int:
        """Delete dead families and free their references: no access token of theirs can live, by far."""
        cutoff = self.now - max(self.kept, self.longest_token)
        found = self.connection.execute(
            select(families.c.id, families.c.status_shard, families.c.status_index)
            .where(families.c.expires_at < cutoff)
            .order_by(families.c.id)
            .limit(BATCH)
            .with_for_update()
        ).all()
        self.connection.execute(delete(families).where(families.c.id.in_([row.id for row in found])))
        self._free([StatusReference(row.status_shard, row.status_index) for row in found], families)
        return len(found)

    def machine_statuses(self) -> int:
        """Delete the references that were taken from machine clients, once no token can carry one."""
        columns = (machine_places.c.status_shard, machine_places.c.status_index)
        query = select(*columns).where(machine_places.c.retired_at < self.now - self.longest_token)
        found = self.connection.execute(query.order_by(*columns).limit(BATCH).with_for_update()).all()
        references = [StatusReference(*row) for row in found]
        self.connection.execute(
            delete(machine_places).where(
                tuple_(*columns).in_([(reference.shard, reference.index) for reference in references])
            )
        )
        self._free(references, machine_places)
        return len(references)

    def codes(self) -> int:
        """Delete codes that were never used, and those whose family is gone: until then a second use is a replay."""
        gone = not_(select(families.c.id).where(families.c.id == authorization_codes.c.family_id).exists())
        of_nobody = or_(authorization_codes.c.family_id.is_(None), gone)
        return self._delete(
            authorization_codes, and_(authorization_codes.c.expires_at < self.now - timedelta(days=1), of_nobody)
        )

    def sessions(self) -> int:
        """Delete sessions that nothing refers to any more."""
        its = browser_sessions.c.id
        families_left = select(families.c.id).where(families.c.session_id == its).exists()
        codes_left = select(authorization_codes.c.code_hash).where(authorization_codes.c.session_id == its).exists()
        over = browser_sessions.c.expires_at < self.now - self.kept
        return self._delete(browser_sessions, and_(over, not_(families_left), not_(codes_left)))

    def failure_budgets(self) -> int:
        """Delete budgets that nobody has failed in for long, and that block nobody."""
        row = failure_budgets.c
        free = or_(row.blocked_until.is_(None), row.blocked_until < self.now)
        return self._delete(failure_budgets, and_(row.updated_at < self.now - self.kept, free))

    def known_devices(self) -> int:
        """Delete those that have expired; the look-up knows them no more."""
        row = known_devices.c
        key = (row.device_hash, row.user_id)
        old = row.expires_at < self.now
        found = [tuple(each) for each in self.connection.execute(select(*key).where(old).order_by(*key).limit(BATCH))]
        self.connection.execute(delete(known_devices).where(tuple_(*key).in_(found)))
        return len(found)

    def audit_events(self) -> int:
        """Delete what happened too long ago: the one way in which the trail shrinks."""
        return forget_audit_events(self.connection, self.now - self.audit_kept, BATCH)

    def _delete(self, table: Table, condition: ColumnElement[bool]) -> int:
        key: Column[object] = next(iter(table.primary_key.columns))
        batch = select(key).where(condition).order_by(key).limit(BATCH).with_for_update()
        found = list(self.connection.execute(batch).scalars())
        return self.connection.execute(delete(table).where(key.in_(found))).rowcount if found else 0

    def _free(self, references: list[StatusReference], holders: Table) -> None:
        """Clear the bits, and draw references in these shards again once a quarter of them is free."""
        SqlStatusShards(self.connection).clear(references, self.now)
        for shard in sorted({reference.shard for reference in references}):
            held = select(func.count()).select_from(holders).where(holders.c.status_shard == shard)
            if self.connection.execute(held).scalar_one() <= SHARD_SIZE * 3 // 4:
                statement = update(status_shards).where(status_shards.c.shard == shard)
                self.connection.execute(statement.values(filling=True))


#: In this order: what refers to a row goes before the row.
PURGES: dict[str, Callable[[SqlPurge], int]] = {
    "waiting requests": SqlPurge.waiting_requests,
    "waiting logouts": SqlPurge.waiting_logouts,
    "mails": SqlPurge.mails,
    "one-time links": SqlPurge.one_time_links,
    "challenges to passkeys": SqlPurge.passkey_challenges,
    "answers to steps": SqlPurge.step_answers,
    "logout notices": SqlPurge.logout_notices,
    "client assertions": SqlPurge.assertion_jtis,
    "DPoP proofs": SqlPurge.dpop_proofs,
    "device authorizations": SqlPurge.device_authorizations,
    "families": SqlPurge.families,
    "authorization codes": SqlPurge.codes,
    "browser sessions": SqlPurge.sessions,
    "failure budgets": SqlPurge.failure_budgets,
    "known browsers": SqlPurge.known_devices,
    "status references of machine clients": SqlPurge.machine_statuses,
    "audit events": SqlPurge.audit_events,
}


def purge_all(
    database: Database, settings: AuthSettings, now: datetime, *, within: timedelta | None = None
) -> dict[str, int]:
    """Delete all that has expired, a batch a transaction, and return how many rows of each kind went.

    `within`: begin no batch after that long; the next purge goes on.
    """
    longest_token = max(settings.signing_key_retired, LONGEST_TOKEN)
    deleted, started = dict.fromkeys(PURGES, 0), time.monotonic()
    for kind, delete_batch in PURGES.items():
        count = BATCH
        while count >= BATCH and (within is None or time.monotonic() - started < within.total_seconds()):
            with database.unit_of_work() as connection:
                count = delete_batch(SqlPurge(connection, now, KEPT, longest_token, settings.audit_retention))
            deleted[kind] += count
    return deleted
