import json
import logging
from collections.abc import Iterator

import pytest

from shared.logs import configure_logs


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
