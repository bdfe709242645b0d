"""Idempotency-Key at a POST of an API: the same request is done once and answered alike, and nobody else's ever."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from shared.api.idempotency import LIFETIME
from shared.testing import BOB, FakeIssuer, SettableClock
from tests.support.calls import Call

CUSTOMER = "0190a1b0-0000-7000-8000-00000000c001"
TEAPOT = {"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}
ORDER = {"customer_id": CUSTOMER, "currency": "EUR", "lines": [TEAPOT]}
OTHER = {**ORDER, "currency": "GBP"}
KEY = {"Idempotency-Key": "0190a1b0-7d3c-7c4e-9a51-3f1b8e0c2d4a"}


def post(call: Call, body: Any = ORDER, **claims: Any) -> httpx2.Response:
    return call("POST", "/api/orders", json=body, headers=KEY, **claims)


def count(call: Call, **claims: Any) -> int:
    return len(call("GET", "/api/orders", **claims).json()["items"])


def test_the_same_request_gets_the_same_answer_and_is_done_once(call: Call, clock: SettableClock) -> None:
    first = post(call)
    clock.advance(hours=23)
    again = post(call, dict(reversed(ORDER.items())))  # the same JSON, spelled otherwise
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    for header in ("Location", "Content-Type", "Cache-Control"):
        assert first.headers[header] == again.headers[header]
    assert count(call) == 1


def test_without_a_key_each_request_is_done(call: Call) -> None:
    for _ in range(2):
        assert call("POST", "/api/orders", json=ORDER).status_code == 201
    assert count(call) == 2


def test_another_request_under_the_key_is_refused(call: Call) -> None:
    first = post(call)
    refused = post(call, OTHER)
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"] == "The Idempotency-Key was used with another request."
    assert refused.json()["code"] == "idempotency_key_reused"
    assert post(call).content == first.content
    assert count(call) == 1


def test_after_a_day_the_key_is_free(call: Call, clock: SettableClock) -> None:
    first = post(call)
    clock.advance(seconds=LIFETIME.total_seconds())
    assert post(call, OTHER).json()["id"] != first.json()["id"]
    assert count(call) == 2


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": BOB, "groups": ["support"]},
        {"sub": BOB, "groups": ["sales"], "roles": ["manager"]},
        {"client_id": "partner-web"},
    ],
)
def test_anothers_key_brings_nothing_of_theirs(call: Call, claims: dict[str, Any]) -> None:
    alices = post(call)
    theirs = post(call, **claims)
    assert theirs.status_code == 201
    assert theirs.json()["id"] != alices.json()["id"]
    different = post(call, OTHER, **claims)
    assert different.status_code == 422  # of their own, not of alice's
    assert alices.json()["id"] not in different.text


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"scope": "orders:read"}, 403),
        ({"scope": "orders:write", "aud": ["http://localhost:9001"]}, 401),
        ({"expires_in": timedelta(seconds=-60)}, 401),
        ({"sub": "client:mobile-app"}, 403),
    ],
)
def test_a_stored_answer_is_no_way_around_the_token(call: Call, claims: dict[str, Any], status: int) -> None:
    first = post(call)
    refused = post(call, **claims)
    assert refused.status_code == status
    assert first.json()["id"] not in refused.text


@pytest.mark.parametrize(
    "refused",
    [
        {"body": {**ORDER, "lines": []}},
        {"body": ORDER, "scope": "orders:read"},
        {"body": ORDER, "aud": ["http://localhost:9001"]},
    ],
)
def test_a_refusal_before_the_work_does_not_use_the_key_up(call: Call, refused: dict[str, Any]) -> None:
    body = refused.pop("body")
    assert post(call, body, **refused).status_code in {401, 403, 422}
    assert post(call).status_code == 201


def test_a_failure_of_ours_does_not_use_the_key_up(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("services.orders.storage.orders.line_rows", lambda order_id, _: [{"order_id": order_id}])
        assert post(call).status_code == 500
    assert count(call) == 0
    assert post(call).status_code == 201
    assert count(call) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "tab\tbed", "\x7f", "caf\u00e9"])
def test_a_key_that_is_none_is_refused(call: Call, key: str) -> None:
    answer = call("POST", "/api/orders", json=ORDER, headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == ["header", "Idempotency-Key"]
    assert count(call) == 0


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "!~;,=\\"])
def test_every_visible_character_may_stand_in_a_key(call: Call, key: str) -> None:
    for _ in range(2):
        assert call("POST", "/api/orders", json=ORDER, headers={"Idempotency-Key": key}).status_code == 201
    assert count(call) == 1


def test_two_keys_in_one_request_are_refused(call: Call, issuer: FakeIssuer) -> None:
    headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    answer = call("POST", "/api/orders", json=ORDER, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "The Idempotency-Key header must appear once."


def test_twenty_at_once_make_one_order(call: Call) -> None:
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: post(call), range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert count(call) == 1


def test_the_document_tells_of_the_header(call: Call) -> None:
    document = call("GET", "/openapi.json").json()
    parameters = document["paths"]["/api/orders"]["post"]["parameters"]
    (header,) = (parameter for parameter in parameters if parameter["name"] == "Idempotency-Key")
    assert (header["in"], header["required"]) == ("header", False)
