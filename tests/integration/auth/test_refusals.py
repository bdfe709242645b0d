"""Each refusal has one name, which log, trail and metrics know and no answer tells; so has each issue of a token."""

import ast
import json
import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.auth.audit import UNRECORDED, Refusal, occurrence
from services.auth.audit.ledger import MOST_KINDS, WINDOW
from services.auth.endpoints.web import settle
from services.auth.endpoints.web.error_cases import ERROR_CASES
from services.auth.storage.tables import audit_events
from shared.logs import JsonFormatter
from tests.integration.auth.provider import Provider, basic
from tests.integration.auth.recorded.story import played
from tests.integration.auth.refusals import ELSEWHERE, PROVOKED
from tests.integration.auth.seeds import BOB

SERVICE = Path(__file__).parents[3] / "services" / "auth"
WRONG = basic("reports-job", "wrong")


def rows(provider: Provider) -> list[dict[str, Any]]:
    names = ("event", "at", "user_id", "client_id", "session_id", "family_id", "details", "network")
    with provider.database.autocommit() as db:
        query = select(*(audit_events.c[name] for name in names)).order_by(audit_events.c.id)
        return [dict(row) for row in db.execute(query).mappings()]


@pytest.mark.parametrize("name", PROVOKED)
def test_a_refusal_leaves_its_name_in_the_trail(provider: Provider, name: str) -> None:
    PROVOKED[name](provider)
    assert name in provider.trail()


def test_no_refusal_is_without_an_example() -> None:
    names = {*Refusal, *(f"page_{case}" for case in ERROR_CASES)}
    assert names - {*PROVOKED} - {*ELSEWHERE} - UNRECORDED == set()


def test_no_two_branches_refuse_by_one_name() -> None:
    """A name that two branches share tells an operator nothing."""
    shared = {
        "REFRESH_TOKEN_OF_ANOTHER_CLIENT",
        "CODE_OF_ANOTHER_CLIENT",
        "REFRESH_TOKEN_UNKNOWN",
    }  # one branch, two forms
    used: Counter[str] = Counter()
    for file in SERVICE.rglob("*.py"):
        if file.parent.name == "audit":
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                used.update(
                    each.attr
                    for each in ast.walk(node.exc)
                    if isinstance(each, ast.Attribute) and getattr(each.value, "id", "") == "Refusal"
                )
    assert used
    assert {name for name, count in used.items() if count > 1 and name not in shared} == set()


def test_no_recorded_answer_refuses_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that gains a refusal gives it a name: several hundred recorded requests look for one without."""
    nameless: list[str] = []
    named: list[int] = []
    count = occurrence.refuse

    def watched(event: str, **more: Any) -> None:
        before = len(noted())
        count(event, **more)
        if len(noted()) > before:
            nameless.append(event)

    def noted() -> list[Any]:
        found = occurrence._noted.get() or []
        named.append(len(found))
        return found

    monkeypatch.setattr(settle, "refuse", watched)
    played(tmp_path)
    assert nameless == []
    assert sum(named) > 200


def test_no_answer_tells_the_name(provider: Provider) -> None:
    for wrong in (WRONG, basic("nobody", "wrong")):
        answer = provider.post("/token", {"grant_type": "client_credentials"}, Authorization=wrong)
        assert answer.json() == {"error": "invalid_client", "error_description": "Client authentication failed."}
        assert "client_secret" not in str(answer.headers)


def test_who_came_with_another_clients_token_and_whose_it_is(provider: Provider) -> None:
    tokens = provider.sign_in()
    provider.refresh(tokens["refresh_token"], client_id="other-app")
    row: Any = rows(provider)[-1]
    assert (row["event"], row["client_id"]) == ("refresh_token_of_another_client", "other-app")
    assert row["details"] == {"issued_to": "mobile-app"}
    assert row["user_id"] is not None and row["family_id"] is not None


# ---------------------------------------------------------------- nobody fills the disk


def wrong_secrets(provider: Provider, count: int, **client: str) -> None:
    for number in range(count):
        sender = provider._client(f"198.51.{number // 250}.{number % 250}") if client else provider.http
        sender.post("/token", data={"grant_type": "client_credentials"}, headers={"Authorization": WRONG})


def test_what_one_sender_repeats_becomes_one_row_and_a_count(provider: Provider) -> None:
    wrong_secrets(provider, 50)
    assert provider.trail() == ["client_secret_wrong"]
    provider.clock.advance(seconds=WINDOW.total_seconds())
    wrong_secrets(provider, 1)
    first, counted, again = rows(provider)
    assert first["details"] == {} and again["details"] == {}
    assert counted["details"]["count"] == 49
    assert counted["client_id"] == "reports-job"


def test_many_senders_add_a_bounded_number_of_rows(provider: Provider) -> None:
    wrong_secrets(provider, MOST_KINDS + 60, client="each")
    assert len(provider.trail()) == MOST_KINDS + 1
    context = provider.context
    context.ledger.write(context.ledger.close())
    last: Any = rows(provider)[-1]
    assert (last["details"]["count"], last["network"]) == (59, None)


def test_a_clock_that_was_set_back_does_not_keep_a_window_open(provider: Provider) -> None:
    wrong_secrets(provider, 2)
    provider.clock.advance(seconds=-3600)
    wrong_secrets(provider, 1)
    assert len(provider.trail()) == 3


def test_every_issue_of_a_token_is_counted(provider: Provider) -> None:
    tokens = provider.sign_in(scope="openid offline_access orders:read")
    provider.refresh(tokens["refresh_token"])
    provider.exchange(tokens["access_token"])
    for _ in range(3):
        provider.machine()
    assert provider.trail()[-1] == "authorization_code_redeemed", "no statement of their own"
    context = provider.context
    context.ledger.write(context.ledger.close())
    counted: Any = [row for row in rows(provider) if "count" in row["details"]]
    assert {row["event"]: (row["client_id"], row["details"]["count"]) for row in counted} == {
        "refresh_tokens_rotated": ("mobile-app", 1),
        "tokens_exchanged": ("orders-api", 1),
        "machine_tokens_issued": ("reports-job", 3),
    }
    assert next(row for row in counted if row["event"] == "tokens_exchanged")["user_id"] is not None


def test_a_right_password_without_the_second_factor_leaves_a_row(provider: Provider) -> None:
    browser = provider.browser()
    browser.enter_password(browser.open(), BOB)
    row: Any = rows(provider)[-1]
    assert (row["event"], row["client_id"]) == ("first_factor_accepted", "mobile-app")
    assert row["user_id"] is not None


# ---------------------------------------------------------------- log lines


def test_the_line_of_a_request_says_who_asked_and_why_it_was_refused(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    formatter, lines = JsonFormatter("auth"), []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    collector = Collect()
    with caplog.at_level(logging.INFO):
        logging.getLogger("request").addHandler(collector)
        try:
            wrong_secrets(provider, 1)
            provider.machine()
            provider.post("/token", {"grant_type": "client_credentials"}, Authorization=basic("nobody", "x"))
        finally:
            logging.getLogger("request").removeHandler(collector)
    wrong, good, unknown = lines
    for line in lines:
        assert line["network"] == "192.0.2.1" and line["request_id"]
    assert (wrong["client_id"], wrong["refusal"]) == ("reports-job", "client_secret_wrong")
    assert (good["client_id"], good["grant"]) == ("reports-job", "client_credentials") and "refusal" not in good
    assert (unknown["claimed_client_id"], unknown["refusal"]) == ("nobody", "client_unknown")
    assert "client_id" not in unknown


def test_a_silent_question_that_needs_a_person_is_no_row(provider: Provider) -> None:
    provider.browser().authorize(prompt="none")
    assert provider.trail() == []


def test_the_time_of_an_answer_does_not_tell_whether_there_was_a_row_to_write(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first wrong password of a user is a row, that of one more unknown name is none."""
    ledger, order = provider.context.ledger, []
    write = ledger.write

    def late(rows: Any) -> None:
        order.append("row")
        write(rows)

    monkeypatch.setattr(type(ledger), "write", lambda _, rows: late(rows))
    dispatch: Any = provider.app._app
    answer = type(dispatch).__call__

    async def watched(self: Any, scope: Any, receive: Any, send: Any) -> None:
        async def sent(message: Any) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                order.append("answered")

        await answer(self, scope, receive, sent)

    monkeypatch.setattr(type(dispatch), "__call__", watched)
    wrong_secrets(provider, 1)
    assert order == ["answered", "row"]
    assert provider.trail() == ["client_secret_wrong"]
