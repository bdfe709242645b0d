"""The two conditions under which the audit trail changes: age, and a user who is gone."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import DBAPIError

from services.auth.audit import AuditEvent, Origin
from services.auth.storage import purge, stores_on
from services.auth.storage.audit_events import KEPT_AT_LEAST, forget_audit_events
from services.auth.storage.purge import PURGES, SqlPurge
from services.auth.storage.tables import audit_events, users
from shared.testing import ALICE
from tests.contracts.auth.conftest import NOON, Stage, user_row

DAY = timedelta(days=1)
ALICES, LEAVER = UUID(ALICE), UUID(int=77)


def record(stage: Stage, *moments: datetime, user_id: UUID = ALICES, **details: Any) -> None:
    with stage.auth.transaction() as stores:
        for at in moments:
            event = AuditEvent("signed_in", at, user_id, "app", origin=Origin("192.0.2.1", "Phone"), details=details)
            stores.audit.record(event)


def rows(stage: Stage) -> list[dict[str, Any]]:
    with stage.sql.autocommit() as db:
        return [dict(row) for row in db.execute(select(audit_events).order_by(audit_events.c.at)).mappings()]


def forget(stage: Stage, before: datetime, batch: int = 100) -> int:
    with stage.sql.unit_of_work() as db:
        return forget_audit_events(db, before, batch)


def purge_audit(stage: Stage, now: datetime, kept: timedelta) -> int:
    deleted = 0
    while True:
        with stage.sql.unit_of_work() as db:
            count = PURGES["audit events"](SqlPurge(db, now, DAY, DAY, kept))
        deleted += count
        if count < purge.BATCH:
            return deleted


def test_events_older_than_the_retention_go_and_no_others(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    record(stage, *(NOON - age * DAY for age in (410, 405, 402, 401, 400, 399, 0)))
    assert purge_audit(stage, NOON, 400 * DAY) == 4
    assert [row["at"] for row in rows(stage)] == [NOON - age * DAY for age in (400, 399, 0)]
    assert purge_audit(stage, NOON, 400 * DAY) == 0


def test_nobody_empties_the_trail_by_naming_a_later_day(stage: Stage) -> None:
    """What happened in the 30 days before the newest event stays, whatever is asked."""
    record(stage, NOON - 40 * DAY, NOON - 20 * DAY, NOON)
    assert forget(stage, NOON + DAY) == 0
    assert forget(stage, NOON - KEPT_AT_LEAST + timedelta(seconds=1)) == 0
    with pytest.raises(DBAPIError, match="too young"), stage.sql.unit_of_work() as db:
        db.execute(text("UPDATE audit_retention SET kept_from = '2031-01-01 00:00:00.000000'"))
    assert len(rows(stage)) == 3


def test_what_is_kept_from_is_not_moved_back_or_removed(stage: Stage) -> None:
    record(stage, NOON - 100 * DAY, NOON)
    assert forget(stage, NOON - 50 * DAY) == 1
    with pytest.raises(DBAPIError, match="too young"), stage.sql.unit_of_work() as db:
        db.execute(text("UPDATE audit_retention SET kept_from = '1970-01-01 00:00:00.000000'"))
    with pytest.raises(DBAPIError), stage.sql.unit_of_work() as db:
        db.execute(text("DELETE FROM audit_retention"))


def test_a_shorter_look_back_deletes_nothing_that_a_longer_one_kept(stage: Stage) -> None:
    record(stage, NOON - 100 * DAY, NOON - 60 * DAY, NOON)
    assert forget(stage, NOON - 50 * DAY, batch=1) == 1
    assert forget(stage, NOON - 90 * DAY) == 0, "an older day than before"
    assert forget(stage, NOON - 50 * DAY) == 1


def leave(stage: Stage) -> UUID:
    with stage.sql.unit_of_work() as db:
        db.execute(delete(users).where(users.c.id == LEAVER))
        return stores_on(db).audit.pseudonymise(LEAVER)


def arrive(stage: Stage) -> None:
    with stage.sql.unit_of_work() as db:
        db.execute(insert(users).values(**user_row(str(LEAVER), "leaver")))


def test_a_deleted_users_events_stay_under_a_pseudonym_without_addresses(stage: Stage) -> None:
    arrive(stage)
    record(stage, NOON, user_id=LEAVER, rotated_from="192.0.2.9", reason="text")
    record(stage, NOON + DAY)
    pseudonym = leave(stage)
    theirs, alices = rows(stage)
    assert pseudonym != LEAVER
    assert theirs["user_id"] == pseudonym
    assert (theirs["network"], theirs["agent"], theirs["details"]) == (None, None, {"reason": "text"})
    assert (theirs["event"], theirs["client_id"], theirs["at"]) == ("signed_in", "app", NOON)
    assert (alices["user_id"], alices["network"]) == (UUID(ALICE), "192.0.2.1")


def test_the_events_of_a_user_who_is_still_there_are_not_given_to_somebody_else(stage: Stage) -> None:
    record(stage, NOON)
    with pytest.raises(DBAPIError, match="append-only"), stage.sql.unit_of_work() as db:
        stores_on(db).audit.pseudonymise(UUID(ALICE))
    assert rows(stage)[0]["user_id"] == UUID(ALICE)


@pytest.mark.parametrize(
    "change",
    [
        "event = 'nothing'",
        "details = '{}'",
        "client_id = 'other'",
        f"user_id = '{UUID(ALICE).hex}'",
        "user_id = NULL",
        "at = '2029-01-01 00:00:00.000000'",
    ],
)
def test_a_deleted_users_events_are_not_rewritten_otherwise(stage: Stage, change: str) -> None:
    arrive(stage)
    record(stage, NOON, user_id=LEAVER, reason="text")
    leave(stage)
    before = rows(stage)
    with pytest.raises(DBAPIError, match="append-only"), stage.sql.unit_of_work() as db:
        db.execute(text(f"UPDATE audit_events SET {change}"))  # noqa: S608 - of this file
    assert rows(stage) == before
