import json
import logging
from collections.abc import Iterator

import pytest
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from shared.asgi import Edge
from shared.logs import configure_logs
from shared.request_context import note


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm")
    logging.getLogger("request").info("GET %s", "/x", extra={"fields": {"status": 200}})
    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("at").endswith("+00:00")
    assert said == {"level": "info", "service": "crm", "logger": "request", "message": "GET /x", "status": 200}


def test_an_exception_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm")
    failure = RuntimeError("first\nsecond")
    logging.getLogger("error").error("failed", exc_info=failure)
    (line,) = capsys.readouterr().err.splitlines()
    assert "RuntimeError: first\nsecond" in json.loads(line)["exception"]


def test_the_level_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm", "WARNING")
    logging.getLogger("request").info("not this")
    assert capsys.readouterr().err == ""


def test_authlib_never_prints_its_debug_lines(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("auth", "DEBUG")
    logging.getLogger("authlib.oauth2").debug("access_token=live")
    assert capsys.readouterr().err == ""


def test_every_line_of_a_request_has_its_id_and_its_caller(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("crm")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        note(sub="alice", client_id="mobile-app")
        await run_in_threadpool(logging.getLogger("work").info, "done")
        await Response("ok")(scope, receive, send)

    client = TestClient(Edge(app))
    client.get("/x", headers={"X-Request-Id": "from-the-phone"})
    client.get("/y")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    first, second = lines[:2], lines[2:]
    assert [line["logger"] for line in first] == ["work", "request"]
    assert {line["request_id"] for line in first} == {"from-the-phone"}
    assert {(line["sub"], line["client_id"]) for line in first} == {("alice", "mobile-app")}
    assert len({line["request_id"] for line in second} | {"from-the-phone"}) == 2
