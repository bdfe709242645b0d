"""What /metrics tells of auth: bounded, cheap, and of all that an operator has to watch."""

import asyncio
import time
from typing import Any

import pytest
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.responses import Response

from services.auth import metrics
from services.auth.audit import begin_occurrences, issued
from services.auth.background import gauges
from services.auth.endpoints import token
from services.auth.endpoints.web.context import attach
from services.auth.endpoints.web.settle import settle
from tests.integration.auth.provider import Provider, basic
from tests.integration.auth.seeds import BOB


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Moved:
    """How far a sample has moved since this was made."""

    def __init__(self, name: str, **labels: str) -> None:
        self.name, self.labels = name, labels
        self.before = value(name, **labels)

    @property
    def by(self) -> float:
        return value(self.name, **self.labels) - self.before


def test_tokens_are_counted_by_grant_and_client(provider: Provider) -> None:
    grants = {
        "authorization_code": "mobile-app",
        "refresh_token": "mobile-app",
        "token-exchange": "orders-api",
        "client_credentials": "reports-job",
    }
    moved = {g: Moved("auth_tokens_issued_total", grant=g, client=client) for g, client in grants.items()}
    tokens = provider.sign_in(scope="openid offline_access orders:read")
    provider.refresh(tokens["refresh_token"])
    provider.exchange(tokens["access_token"])
    provider.machine()
    assert {grant: each.by for grant, each in moved.items()} == dict.fromkeys(grants, 1)


def test_sign_ins_are_counted_by_outcome(provider: Provider) -> None:
    outcomes = ("password_wrong", "first_factor_accepted", "second_factor_wrong", "signed_in", "blocked")
    moved = {outcome: Moved("auth_sign_ins_total", outcome=outcome) for outcome in outcomes}
    browser = provider.browser()
    page = browser.enter_password(browser.open(), ("bob", "wrong"))
    page = browser.enter_otp(browser.enter_password(page, BOB), "000000")
    browser.enter_otp(page)
    page = (stranger := provider.browser("192.0.2.7")).open()
    for _ in range(7):
        page = stranger.enter_password(page, ("alice", "wrong"))
    found = {outcome: each.by for outcome, each in moved.items()}
    assert found.pop("blocked") >= 1 and found.pop("password_wrong") >= 5
    assert found == {"first_factor_accepted": 1, "second_factor_wrong": 1, "signed_in": 1}


def test_refusals_are_counted_by_name_and_no_stranger_makes_a_label(provider: Provider) -> None:
    unknown, wrong = (Moved("auth_refusals_total", refusal=f"client_{name}") for name in ("unknown", "secret_wrong"))
    for client in ("nobody-1", "nobody-2", "reports-job"):
        provider.post("/token", {"grant_type": "client_credentials"}, Authorization=basic(client, "wrong"))
    assert (unknown.by, wrong.by) == (2, 1)
    assert "nobody" not in provider.http.get("/metrics").text


def test_more_clients_than_have_a_label_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_clients", {f"client-{number}" for number in range(metrics.MOST_CLIENTS)})
    other = Moved("auth_tokens_issued_total", grant="client_credentials", client="other")
    metrics.issued("client_credentials", "one-more")
    assert other.by == 1


def test_retries_and_reuse_are_counted(provider: Provider) -> None:
    kinds = ("retried", "retried_by_another_agent", "reuse")
    moved = {kind: Moved("auth_refresh_anomalies_total", kind=kind) for kind in kinds}
    token = provider.sign_in()["refresh_token"]
    for agent in ("Phone/1", "Phone/1", "Other/1"):
        provider.refresh(token, agent=agent)
    provider.clock.advance(seconds=3600)
    provider.refresh(token)
    assert {kind: each.by for kind, each in moved.items()} == dict.fromkeys(kinds, 1)


def test_answers_are_timed_by_endpoint_refusals_too(provider: Provider) -> None:
    token, jwks = (Moved("auth_request_seconds_count", endpoint=path) for path in ("/token", "/.well-known/jwks.json"))
    provider.machine()
    provider.post("/token", {})
    provider.http.get("/.well-known/jwks.json")
    assert (token.by, jwks.by) == (2, 1)


def test_the_gauges_show_keys_lists_pool_and_outbox(provider: Provider) -> None:
    context = provider.context
    database: Any = context.database
    readings = gauges(context, database.database)
    provider.clock.advance(seconds=120)
    provider.sql(
        "INSERT INTO logout_notices (id, client_id, user_id, session_id, attempts, next_attempt_at, created_at)"
        " VALUES (:id, 'mobile-app', :id, :id, 1, :at, :at)",
        id="0" * 31 + "1",
        at=provider.clock.now().replace(tzinfo=None).isoformat(" ") + ".000000",
    )
    provider.clock.advance(seconds=30)
    readings.set()
    assert value("auth_signing_key_age_seconds", state="active") >= 150
    assert value("auth_signing_key_age_seconds", state="announced") == 0
    assert value("auth_published_age_seconds") == 0
    assert (value("auth_logout_notices_waiting"), value("auth_logout_notices_oldest_seconds")) == (1, 30)
    assert value("auth_database_connections", state="idle") >= 1
    assert value("auth_passwords_verifying") == 0


def test_counting_a_request_costs_less_than_15_microseconds(provider: Provider) -> None:
    """The cheapest of many rounds: a machine that is busy makes the others dearer."""
    context = provider.context
    http = Request({"type": "http", "method": "POST", "path": "/token", "headers": []})
    attach(http.scope, context, token.endpoint)
    answer = Response()

    async def rounds() -> float:
        found = []
        for _ in range(200):
            started = time.perf_counter()
            for _ in range(50):
                noted = begin_occurrences()
                issued("machine_tokens_issued", "client_credentials", client_id="reports-job")
                metrics.took("/token", 0.002)
                await settle(http, answer, noted)
            found.append((time.perf_counter() - started) / 50)
        return min(found)

    cheapest = asyncio.run(rounds())
    assert cheapest < 15e-6, cheapest
