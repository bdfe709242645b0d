"""What strangers can make us keep: so many requests that wait, of one browser and of one network (ADR-0075)."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from services.auth.authorization.request import WaitingRequest
from services.auth.logout.rp_initiated import LogoutRequest, WaitingLogout
from services.auth.opaque_token import digest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.storage import waiting_rows
from services.auth.storage.tables import waiting_logouts, waiting_requests
from tests.contracts.auth.conftest import NOON, Stage

ALICES, MALORYS = digest("alice's browser"), digest("malory's browser")
OFFICE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
BROWSERS, NETWORKS = 3, 5


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_rows, "MOST_OF_BROWSER", BROWSERS)
    monkeypatch.setattr(waiting_rows, "MOST_OF_NETWORK", NETWORKS)


@pytest.fixture(params=["sign-in", "sign-out"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def add(stage: Stage, kind: str, number: int, browser: bytes | None, network: str, *, pushed: bool = False) -> bytes:
    at, handle = NOON + timedelta(seconds=number), digest(f"{kind} {number}")
    with stage.auth.statement() as stores:
        if kind == "sign-in":
            request = AuthorizationRequest("app", "myapp://callback", frozenset({"openid"}))
            row = WaitingRequest(
                handle, request, at, at + timedelta(minutes=15), browser, pushed=pushed, network=network
            )
            stores.waiting_requests.add(row)
        else:
            stores.waiting_logouts.add(
                WaitingLogout(handle, LogoutRequest(), at, at + timedelta(minutes=15), browser, network)
            )
    return handle


def kept(stage: Stage, kind: str) -> set[bytes]:
    table = waiting_requests if kind == "sign-in" else waiting_logouts
    with stage.sql.autocommit() as db:
        return set(db.execute(select(table.c.handle_hash)).scalars())


def test_a_browser_that_opens_link_after_link_keeps_its_newest(stage: Stage, kind: str) -> None:
    alices = add(stage, kind, 0, ALICES, ELSEWHERE)
    added = [add(stage, kind, number, MALORYS, f"198.51.{number}.1") for number in range(1, 10)]
    assert kept(stage, kind) == {alices, *added[-BROWSERS:]}


def test_a_network_that_sends_request_after_request_keeps_its_newest_and_costs_others_nothing(
    stage: Stage, kind: str
) -> None:
    others = add(stage, kind, 0, ALICES, ELSEWHERE)
    unbound = [add(stage, kind, number, None, OFFICE) for number in range(1, 4)]
    bound = [add(stage, kind, number, digest(f"fresh {number}"), OFFICE) for number in range(4, 9)]
    assert kept(stage, kind) == {others, *bound}
    assert not kept(stage, kind) & set(unbound)


def test_nobody_knows_whose_network_is_nobodys_limit(stage: Stage, kind: str) -> None:
    added = [add(stage, kind, number, digest(f"fresh {number}"), "") for number in range(2 * NETWORKS)]
    assert kept(stage, kind) == set(added)


def test_pushed_requests_count_too_and_move_to_the_network_of_their_browser(stage: Stage) -> None:
    pushed = [add(stage, "sign-in", number, None, OFFICE, pushed=True) for number in range(2 * NETWORKS)]
    assert kept(stage, "sign-in") == set(pushed[-NETWORKS:])
    later = NOON + timedelta(minutes=15)
    for number, handle in enumerate(pushed[-NETWORKS:]):
        with stage.auth.transaction() as stores:
            browser = digest(f"browser {number}")
            stores.waiting_requests.claim_pushed(handle, browser, network=ELSEWHERE, expires_at=later, now=NOON)
    more = [add(stage, "sign-in", 100 + number, None, OFFICE, pushed=True) for number in range(NETWORKS)]
    assert kept(stage, "sign-in") == {*pushed[-NETWORKS:], *more}, "the client's own network has room again"
