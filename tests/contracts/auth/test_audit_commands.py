"""`audit tail` and `audit export` on both backends: each event once, in the order of time, as JSON lines (ADR-0120)."""

import json
from collections.abc import Iterator
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import pytest

from services.auth.audit import AuditEvent, Origin
from services.auth.operations import audit
from services.auth.operations.audit import when
from services.auth.storage import audit_reading
from services.auth.storage.audit_reading import Wanted
from shared.clock import Clock
from shared.request_context import begin_request, request_id
from shared.testing import ALICE, BOB, SettableClock
from tests.contracts.auth.conftest import NOON, Stage
from tests.contracts.auth.test_commands import Run, run

__all__ = ["run"]


def record(stage: Stage, event: str, at: datetime, user: str = ALICE) -> None:
    with stage.auth.transaction() as stores:
        origin = Origin("192.0.2.1", "Browser/1")
        stores.audit.record(AuditEvent(event, at, user_id=UUID(user), client_id="app", origin=origin))


def lines(run: Run, *arguments: str) -> list[dict[str, Any]]:
    code, printed = run("audit", *arguments)
    assert code == 0, printed
    return [json.loads(line) for line in printed]


def test_an_export_has_each_event_once_in_the_order_of_time(
    run: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_reading, "_BATCH", 2)
    for minute in (3, 1, 2, 2, 5, 4):
        record(stage, f"event_{minute}", NOON + timedelta(minutes=minute))
    found = lines(run, "export", "--since", "2020-01-01")
    assert [each["event"] for each in found] == ["event_1", "event_2", "event_2", "event_3", "event_4", "event_5"]
    assert len({each["id"] for each in found}) == 6
    since, until = (f"{NOON + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}" for minute in (2, 4))
    chosen = lines(run, "export", "--since", since, "--until", until)
    assert [each["event"] for each in chosen] == ["event_2", "event_2", "event_3"]


def test_a_line_says_who_where_and_in_which_request(run: Run, stage: Stage) -> None:
    record(stage, "signed_in", NOON)
    (found,) = lines(run, "tail", "--lines", "1")
    assert found["at"] == NOON.isoformat().replace("+00:00", "Z")
    assert (found["event"], found["user_id"], found["client_id"]) == ("signed_in", ALICE, "app")
    assert (found["network"], found["agent"], found["request_id"]) == ("192.0.2.1", "Browser/1", None)


def test_a_row_keeps_the_id_of_its_request(stage: Stage, run: Run) -> None:
    def answer() -> None:
        begin_request({"type": "http", "headers": [(b"x-request-id", b"a-callers-id")], "client": None}, _nothing)
        assert request_id() == "a-callers-id"
        record(stage, "signed_in", NOON)

    copy_context().run(answer)
    (found,) = lines(run, "tail")
    assert found["request_id"] == "a-callers-id"


def test_one_user_alone_is_shown_when_one_is_named(run: Run, stage: Stage) -> None:
    record(stage, "of_alice", NOON)
    record(stage, "of_bob", NOON, BOB)
    assert [each["event"] for each in lines(run, "tail", "--user", "bob")] == ["of_bob"]
    assert [each["event"] for each in lines(run, "export", "--since", "1d", "--user", ALICE)] == ["of_alice"]
    assert run("audit", "tail", "--user", "nobody")[0] == 1


def test_an_export_of_nothing_prints_nothing(run: Run, stage: Stage) -> None:
    assert run("audit", "export", "--since", "2000-01-01", "--until", "2000-01-02") == (0, [])
    assert stage.session is not None


def test_following_shows_what_comes_later_once_also_when_it_was_committed_late(stage: Stage) -> None:
    clock = SettableClock()
    record(stage, "shown_before", NOON)
    with stage.sql.autocommit() as connection:
        before = {each.id: each.at for each in audit_reading.SqlAuditReading(connection).all(Wanted())}
    further: Iterator[Any] = audit._further(stage.auth, Wanted(), before, clock)
    record(stage, "new", NOON)
    record(stage, "committed_late", NOON - timedelta(seconds=50))
    assert [each.members["event"] for each in islice(further, 2)] == ["committed_late", "new"]
    record(stage, "newer", NOON)
    assert next(further).members["event"] == "newer"


@pytest.mark.parametrize("text", ["yesterday", "", "x", "5", "99999999999d", "2026-13-01", "-1d"])
def test_what_is_no_moment_is_bad_usage(run: Run, text: str) -> None:
    with pytest.raises(SystemExit) as raised:
        run("audit", "export", f"--since={text}")
    assert raised.value.code == 2


def test_a_moment_without_a_zone_is_utc() -> None:
    assert when("2026-11-29") == datetime(2026, 11, 29, tzinfo=UTC)
    assert when("36h") == timedelta(hours=36)
    assert isinstance(Clock().now(), datetime)


async def _nothing(message: Any) -> None:
    del message
