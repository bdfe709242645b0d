"""Parts that die, go away and come back under load: what was acknowledged stays, what was refused succeeds later."""

from collections.abc import Callable

import httpx2

from mobile.simulator import ALICE, App, Person
from tests.compose.load import Load
from tests.support.compose import RUNNING, ComposeStack

SignedIn = Callable[[Person], App]


def access_token(app: App) -> str:
    tokens = app.client.tokens()
    assert tokens is not None
    return tokens.access_token


def names_in_crm(compose: ComposeStack, app: App) -> set[str]:
    names: set[str] = set()
    cursor = ""
    while True:
        page = app.client.get(f"{compose.url('crm')}/api/contacts?limit=200{cursor}").json()
        names |= {contact["name"] for contact in page["items"]}
        if page["next_cursor"] is None:
            return names
        cursor = f"&cursor={page['next_cursor']}"


def test_a_killed_replica_costs_at_most_a_retry(compose: ComposeStack, signed_in: SignedIn) -> None:
    app, load = signed_in(ALICE), Load()
    with load.running(compose, access_token(app), "read", "sign out"):
        for number in (1, 2):
            load.wait_for("POST", 20)
            compose.docker("kill", compose.container("auth", number))
            load.wait_for("POST", 20)
            load.wait_for("GET", 20)
            compose.docker("start", compose.container("auth", number))
            compose.wait_until_healthy()
    assert load.gave_up == []
    assert load.refused("GET") == 0  # the proxy asked the other replica
    assert load.refused("POST") <= 2 * 2  # the two in flight, each time: nobody can know what became of them
    app.client.refresh()


def test_a_replica_that_is_asked_to_end_finishes_what_it_has(compose: ComposeStack, signed_in: SignedIn) -> None:
    app, load = signed_in(ALICE), Load()
    with load.running(compose, access_token(app), "read", "sign out"):
        for number in (1, 2):
            load.wait_for("POST", 20)
            compose.docker("stop", compose.container("auth", number))
            ended = compose.docker("inspect", "--format", "{{.State.ExitCode}}", compose.container("auth", number))
            load.wait_for("POST", 20)
            compose.docker("start", compose.container("auth", number))
            compose.wait_until_healthy()
            assert int(ended) in {0, 143}  # by itself: a killed one ends with 137
    assert load.gave_up == []
    assert load.refused("GET") == 0
    assert load.refused("POST") == 0  # a service that is told to end hears out who it has accepted


def test_no_acknowledged_write_is_lost_when_postgres_restarts(compose: ComposeStack, signed_in: SignedIn) -> None:
    app, load = signed_in(ALICE), Load()
    with load.running(compose, access_token(app), "write", "read"):
        load.wait_for("POST", 10)
        compose.compose("restart", "postgres")
        load.wait_for("POST", 10)
        compose.docker("kill", compose.container("postgres"))  # as a crash would
        compose.docker("start", compose.container("postgres"))
        load.wait_for("POST", 10)
    compose.wait_until_healthy()
    assert load.gave_up == []
    assert load.acknowledged
    assert load.acknowledged <= names_in_crm(compose, app)
    assert {status for _, status in load.answers} <= {200, 201, 502, 503}
    app.client.refresh()


def test_an_api_says_that_its_database_is_away_and_comes_back(compose: ComposeStack, http: httpx2.Client) -> None:
    compose.compose("stop", "postgres")
    try:
        for service in ("auth", "crm", "orders"):
            answer = http.get(f"{compose.url(service)}/readyz")
            assert answer.status_code == 503
            assert answer.json()["status"] == "unavailable"
            assert http.get(f"{compose.url(service)}/livez").status_code == 200
    finally:
        compose.compose("start", "postgres")
    compose.wait_until_healthy()
    for service in ("auth", "crm", "orders"):
        assert http.get(f"{compose.url(service)}/readyz").status_code == 200


def test_any_order_of_start_ends_in_a_working_stack(compose: ComposeStack, signed_in: SignedIn) -> None:
    compose.compose("stop")
    containers = {service: [compose.container(service)] for service in RUNNING}
    containers["auth"].append(compose.container("auth", 2))
    for service in ("orders", "crm", "caddy", "auth", "valkey", "postgres"):  # the wrong way round
        compose.docker("start", *containers[service])
    compose.wait_until_healthy()
    app = signed_in(ALICE)
    assert app.client.get(f"{compose.url('crm')}/api/contacts").status_code == 200
    assert app.client.get(f"{compose.url('orders')}/api/orders").status_code == 200
