"""shared.asgi, shared.problem_details and shared.health, as one application meets them."""

import json
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.testclient import TestClient

from shared.asgi import Edge, ServerOptions, serve
from shared.errors import ConfigurationError, Conflict, NotFound, PreconditionFailed, TooManyRequests, Unavailable
from shared.health import health_router
from shared.problem_handlers import install_problem_details

SECRET = "opensesame-in-the-query"


class Thing(BaseModel):
    name: str


class State:
    fault: Exception | None = None


def application(state: State) -> FastAPI:
    app = FastAPI()
    install_problem_details(app)

    def ready() -> None:
        if state.fault:
            raise state.fault

    app.include_router(health_router(ready))

    @app.get("/fail")
    async def fail() -> None:
        if state.fault:
            raise state.fault

    @app.post("/things")
    async def things(thing: Thing) -> Thing:
        return thing

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    return app


@pytest.fixture
def state() -> State:
    return State()


@pytest.fixture
def client(state: State) -> Iterator[TestClient]:
    with TestClient(Edge(application(state), body_limit=100)) as client:
        yield client


def test_a_body_may_be_as_long_as_the_limit(client: TestClient) -> None:
    assert client.post("/size", content=b"x" * 100).json() == 100


def test_a_longer_body_is_413(client: TestClient) -> None:
    answer = client.post("/size", content=b"x" * 101)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"


def test_a_long_body_in_chunks_is_413_too(client: TestClient) -> None:
    assert client.post("/size", content=iter([b"x" * 60, b"x" * 60])).status_code == 413


@pytest.mark.parametrize(
    ("fault", "status", "detail", "code"),
    [
        (NotFound(), 404, "No such record.", "no_such_record"),
        (NotFound("No such order."), 404, "No such order.", "no_such_record"),
        (Conflict("It is shipped."), 409, "It is shipped.", "conflict"),
        (PreconditionFailed("It has changed."), 412, "It has changed.", "record_changed"),
        (TooManyRequests("Too many.", timedelta(seconds=7)), 429, "Too many.", "too_many_requests"),
        (Unavailable("a part is away"), 503, "a part is away", "unavailable"),
    ],
)
def test_errors_become_problem_documents(
    client: TestClient, state: State, fault: Exception, status: int, detail: str, code: str
) -> None:
    state.fault = fault
    answer = client.get("/fail")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem = answer.json()
    assert (problem["status"], problem["detail"], problem["instance"]) == (status, detail, "/fail")
    assert problem["code"] == code
    assert problem["type"] == f"urn:company:problem:{code}"


def test_unavailable_says_when_to_come_back(client: TestClient, state: State) -> None:
    state.fault = Unavailable("away")
    assert client.get("/fail").headers["retry-after"] == "1"


def test_the_unforeseen_is_a_bare_500(client: TestClient, state: State, caplog: pytest.LogCaptureFixture) -> None:
    state.fault = RuntimeError("the inside of the machine")
    answer = client.get(f"/fail?code={SECRET}")
    assert answer.status_code == 500
    assert "inside" not in answer.text
    assert "RuntimeError: the inside of the machine" in caplog.text
    assert SECRET not in caplog.text


def test_unknown_paths_and_methods_are_problems_too(client: TestClient) -> None:
    assert client.get("/none").json()["code"] == "no_such_address"
    answer = client.get("/things")
    assert (answer.json()["status"], answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


def test_malformed_json_is_400(client: TestClient) -> None:
    answer = client.post("/things", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The body is not JSON.")


def test_a_body_that_does_not_fit_is_422_and_not_echoed(client: TestClient) -> None:
    answer = client.post("/things", json={"name": [SECRET]})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"loc": ["body", "name"], "msg": "Input should be a valid string"}]
    assert SECRET not in answer.text


def test_a_request_is_logged_without_its_query(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="request"):
        client.get(f"/none?state={SECRET}")
        client.get("/livez")
    (record,) = [record for record in caplog.records if record.name == "request"]
    assert record.getMessage() == "GET /none 404"
    assert SECRET not in json.dumps(record.__dict__, default=str)


def test_alive_whatever_is_missing(client: TestClient, state: State) -> None:
    state.fault = Unavailable("the database is away")
    assert client.get("/livez").json() == {"status": "ok"}


def test_ready_says_what_is_missing(client: TestClient, state: State) -> None:
    assert client.get("/readyz").json() == {"status": "ok"}
    state.fault = Unavailable("the database is away")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "reason": "the database is away"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_a_monitor_that_asks_by_head_gets_the_same_without_a_body(client: TestClient, path: str) -> None:
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_metrics_are_in_prometheus_text(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert "python_info" in answer.text


@pytest.mark.enable_socket
def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} on 127.0.0.1 cannot be used"):
            serve(FastAPI(), ServerOptions("127.0.0.1", port))


@pytest.mark.parametrize("sent", ["x" * 64, "a.b_c-1"])
def test_a_callers_request_id_comes_back(client: TestClient, sent: str) -> None:
    assert client.get("/livez", headers={"X-Request-Id": sent}).headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "a b", 'a"', "a\tb", "é"])
def test_a_request_id_that_could_forge_a_line_is_replaced(client: TestClient, sent: str) -> None:
    answer = client.get("/livez", headers=[(b"X-Request-Id", sent.encode())])
    assert len(answer.headers["X-Request-Id"]) == 32


def test_two_request_ids_are_none(client: TestClient) -> None:
    answer = client.get("/livez", headers=[("X-Request-Id", "a"), ("X-Request-Id", "b")])
    assert answer.headers["X-Request-Id"] not in {"a", "b"}


def test_every_answer_has_a_request_id(client: TestClient, state: State) -> None:
    state.fault = RuntimeError("unforeseen")
    answers = [client.get("/fail"), client.get("/none"), client.post("/things", content=b"x" * 70_000)]
    assert [answer.status_code for answer in answers] == [500, 404, 413]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


def test_no_answer_may_be_sniffed_for_another_type(state: State, client: TestClient) -> None:
    state.fault = NotFound("no such thing")
    for path in ("/livez", "/fail", "/nowhere", "/metrics"):
        assert client.get(path).headers.get_list("x-content-type-options") == ["nosniff"], path
