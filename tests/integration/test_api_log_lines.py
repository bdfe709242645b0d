"""The line of each request to the APIs says who called, through which client, from where, and why it was refused."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.logs import JsonFormatter
from shared.testing import ALICE
from tests.support.apis import ALICES, SERVICES, UNKNOWN, Api, running_api


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with running_api(request.param, tmp_path) as running:
        yield running


class Lines(logging.Handler):
    """Keeps the lines as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.formatter = JsonFormatter("api")
        self.kept: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(json.loads(self.format(record)))


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    log, handler = logging.getLogger("request"), Lines()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler.kept
    log.setLevel(before)
    log.removeHandler(handler)


def test_each_line_names_caller_client_and_network(api: Api, lines: list[dict[str, Any]]) -> None:
    path = next(iter(api.lists))
    api.call(ALICES, "GET", path)
    api.call(ALICES, "GET", f"{path}/{UNKNOWN}")
    api.call({**ALICES, "scope": "openid"}, "GET", path)
    for line in lines:
        assert (line["sub"], bool(line["client_id"])) == (ALICE, True)
        assert line["network"] == "testclient" and line["request_id"]
    assert [line.get("refusal") for line in lines] == [None, "no_such_record", "insufficient_scope"]


def test_a_refused_token_has_its_reason_in_the_line_and_not_in_the_answer(
    api: Api, lines: list[dict[str, Any]]
) -> None:
    path = next(iter(api.lists))
    api.client.get(path)
    answer = api.client.get(path, headers={"Authorization": "Bearer x"})
    assert [line["refusal"] for line in lines] == ["no_credentials", "invalid_token"]
    assert lines[1]["reason"] and "reason" not in answer.json()
