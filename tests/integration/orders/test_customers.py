"""Whose customer an order may name: asked at the CRM, with a token traded for the caller's, over real HTTP."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from shared.testing import ALICE, BOB, FakeIssuer, SettableClock
from tests.support.calls import Call
from tests.support.scripted_suite import ScriptedSuite

CUSTOMER = "0190a1b0-0000-7000-8000-00000000c001"
TEAPOT = {"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}
ORDER = {"customer_id": CUSTOMER, "currency": "EUR", "lines": [TEAPOT]}
CANNOT_SAY = "The customer cannot be looked up in the CRM at this moment."


def post(call: Call, customer_id: str = CUSTOMER, key: str = "", **claims: Any) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return call("POST", "/api/orders", json={**ORDER, "customer_id": customer_id}, headers=headers, **claims)


def count(call: Call) -> int:
    return len(call("GET", "/api/orders").json()["items"])


def test_the_crm_is_asked_with_a_traded_token(call: Call, suite: ScriptedSuite) -> None:
    assert post(call).status_code == 201
    (trade,), (question,) = suite.token.asked, suite.contacts.asked
    assert {name: trade.form[name] for name in ("grant_type", "subject_token_type", "resource", "scope")} == {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "resource": "http://localhost:9001",
        "scope": "crm:read",
    }
    assert trade.basic == "orders-api:orders-api-secret-for-local-use-only"
    assert question.path == f"/api/contacts/{CUSTOMER}"
    assert question.bearer == "traded-1"


def test_the_callers_token_never_reaches_the_crm(call: Call, suite: ScriptedSuite) -> None:
    post(call)
    callers = suite.token.asked[0].form["subject_token"]
    assert callers.count(".") == 2
    assert all(callers not in str(asked) for asked in suite.contacts.asked)


def test_no_cookie_of_one_callers_answer_goes_out_with_the_next_callers_question(
    call: Call, suite: ScriptedSuite
) -> None:
    suite.contacts.next(200, {"id": CUSTOMER}, Set_Cookie="sid=alices; Path=/")
    for sub in (ALICE, BOB):
        assert post(call, sub=sub).status_code == 201
    assert len(suite.contacts.asked) == 2
    assert not [asked for asked in suite.contacts.asked + suite.token.asked if "cookie" in asked.headers]


@pytest.mark.parametrize("customer_id", [CUSTOMER, str(uuid4())], ids=["foreign", "unknown"])
def test_a_customer_beyond_the_callers_reach_is_422(call: Call, suite: ScriptedSuite, customer_id: str) -> None:
    suite.unseen.add(customer_id)
    refused = post(call, customer_id, key="k")
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["errors"] == [{"loc": ["body", "customer_id"], "msg": "no such contact"}]
    assert count(call) == 0
    suite.unseen.clear()
    assert post(call, customer_id, key="k").status_code == 201  # the key was not used up


def test_one_callers_traded_token_is_used_until_it_expires(
    call: Call, client: httpx2.Client, issuer: FakeIssuer, suite: ScriptedSuite, clock: SettableClock
) -> None:
    suite.expires_in = 60
    token = issuer.access_token()

    def again() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/api/orders", json=ORDER, headers=headers).status_code == 201

    again()
    clock.advance(seconds=54)
    again()
    assert len(suite.token.asked) == 1
    clock.advance(seconds=1)  # five seconds before its end it is not sent any more
    again()
    assert len(suite.token.asked) == 2
    assert [asked.bearer for asked in suite.contacts.asked] == ["traded-1", "traded-1", "traded-2"]


def test_another_caller_never_gets_ones_traded_token(call: Call, suite: ScriptedSuite) -> None:
    for sub in ("0190a1b0-0000-7000-8000-000000000a11", "0190a1b0-0000-7000-8000-000000000b0b"):
        post(call, sub=sub)
    assert [asked.bearer for asked in suite.contacts.asked] == ["traded-1", "traded-2"]


def test_requests_of_one_caller_at_once_share_one_exchange(
    client: httpx2.Client, issuer: FakeIssuer, suite: ScriptedSuite
) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token()}"}
    with ThreadPoolExecutor(10) as threads:
        answers = threads.map(lambda _: client.post("/api/orders", json=ORDER, headers=headers), range(10))
    assert {answer.status_code for answer in answers} == {201}
    assert len(suite.token.asked) == 1


def test_a_traded_token_that_the_crm_refuses_is_traded_anew(call: Call, suite: ScriptedSuite) -> None:
    suite.contacts.next(401, {"status": 401})
    assert post(call).status_code == 201
    assert [asked.bearer for asked in suite.contacts.asked] == ["traded-1", "traded-2"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_crm_that_goes_on_refusing_is_our_fault_not_the_callers(
    call: Call, suite: ScriptedSuite, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    suite.contacts.always = (status, {"status": status}, {})
    refused = post(call)
    assert refused.status_code == 503
    assert refused.json()["detail"] == CANNOT_SAY
    assert f"the CRM refuses the tokens that this service trades: status {status}" in caplog.text
    assert "traded-" not in caplog.text


def test_a_sign_in_that_has_ended_is_401(call: Call, suite: ScriptedSuite) -> None:
    suite.token.always = (400, {"error": "invalid_request", "error_description": "The subject_token is not valid."}, {})
    refused = post(call)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert suite.contacts.asked == []


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client", "invalid_target", "invalid_scope"])
def test_an_exchange_that_is_refused_to_us_is_503_and_logged(
    call: Call, suite: ScriptedSuite, error: str, caplog: pytest.LogCaptureFixture
) -> None:
    suite.token.always = (401 if error == "invalid_client" else 400, {"error": error}, {})
    refused = post(call)
    assert (refused.status_code, refused.json()["detail"]) == (503, CANNOT_SAY)
    assert f"refuses the exchange of tokens to this service: {error}" in caplog.text
    assert "secret" not in caplog.text


GARBAGE: list[Any] = [
    (500, b"", {}),
    (503, {"error": "temporarily_unavailable"}, {"Retry-After": "7"}),
    (200, b"<html>", {"Content-Type": "text/html"}),
    (200, b"[]", {}),
    (200, b"{}", {}),
    (200, b"[" * 60_000, {}),
    (200, b"x" * 70_000, {}),
    (302, b"", {"Location": "http://127.0.0.1:1/"}),
    (404, b"nothing here", {"Content-Type": "text/plain"}),
]


@pytest.mark.parametrize("answer", GARBAGE, ids=lambda answer: f"{answer[0]}-{len(answer[1])}")
@pytest.mark.parametrize("part", ["token", "contacts"])
def test_a_part_that_answers_garbage_is_503(call: Call, suite: ScriptedSuite, part: str, answer: Any) -> None:
    getattr(suite, part).always = answer
    refused = post(call, key="k")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.json()["detail"] == CANNOT_SAY
    assert count(call) == 0
    getattr(suite, part).always = None
    assert post(call, key="k").status_code == 201


@pytest.mark.parametrize(
    "changed",
    [
        {"access_token": ""},
        {"access_token": "two words"},
        {"access_token": "line\nbreak"},
        {"access_token": None},
        {"token_type": "N_A"},
        {"issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"expires_in": True},
        {"expires_in": 10**9},
    ],
)
def test_an_exchange_that_brings_something_else_is_not_used(
    call: Call, suite: ScriptedSuite, changed: dict[str, Any]
) -> None:
    kind = "urn:ietf:params:oauth:token-type:access_token"
    good = {"access_token": "traded", "issued_token_type": kind, "token_type": "Bearer", "expires_in": 300}
    suite.token.always = (200, good | changed, {})
    assert post(call).status_code == 503
    assert suite.contacts.asked == []


def test_another_contact_in_the_answer_is_not_taken_for_this_one(call: Call, suite: ScriptedSuite) -> None:
    suite.contacts.always = (200, {"id": str(uuid4())}, {})
    assert post(call).status_code == 503


@pytest.mark.parametrize("part", ["token", "contacts"])
def test_too_many_requests_there_is_503_with_their_word_on_when(call: Call, suite: ScriptedSuite, part: str) -> None:
    getattr(suite, part).always = (429, {"error": "temporarily_unavailable"}, {"Retry-After": "7"})
    refused = post(call)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "7")


@pytest.mark.parametrize("part", ["token", "contacts"])
def test_a_part_that_is_down_is_left_alone_and_tried_by_one(
    call: Call, suite: ScriptedSuite, clock: SettableClock, part: str
) -> None:
    script = getattr(suite, part)
    script.always = (500, b"", {})
    for _ in range(5):
        assert post(call).status_code == 503
    asked = len(script.asked)
    refused = post(call)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    assert len(script.asked) == asked  # nobody asked
    script.always = None
    clock.advance(seconds=5)
    assert post(call).status_code == 201
    assert len(script.asked) == asked + 1


def test_an_answer_that_was_given_is_repeated_while_the_crm_is_down(call: Call, suite: ScriptedSuite) -> None:
    first = post(call, key="k")
    suite.token.always = suite.contacts.always = (500, b"", {})
    asked = len(suite.contacts.asked)
    again = post(call, key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert len(suite.contacts.asked) == asked


def test_nobody_asks_the_crm_with_a_request_that_is_refused_anyway(call: Call, suite: ScriptedSuite) -> None:
    post(call, "no-uuid")
    post(call, scope="orders:read")
    post(call, sub="client:reports-job", scope="orders:write")
    assert suite.token.asked == suite.contacts.asked == []


def test_a_proxy_of_the_environment_sees_nothing(
    call: Call, suite: ScriptedSuite, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert post(call).status_code == 201
