"""A network of the test's own: what each address answers, without a socket."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from shared.clock import Clock
from shared.doctor import Web

ISSUER = "http://localhost:9000"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
Answers = dict[str, "str | bytes | dict[str, Any] | int | Exception"]


def web_of(answers: Answers, *, clock_off: timedelta = timedelta(0), date: str | None = None) -> Web:
    """Return a network where each URL answers its document, status or error; the others refuse the connection."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        given = answers.get(str(request.url.copy_with(query=None)))
        if given is None:
            raise httpx2.ConnectError("[Errno 111] Connection refused", request=request)
        if isinstance(given, Exception):
            raise given
        status, body = (given, b"") if isinstance(given, int) else (200, _body(given))

        def chunks() -> Iterator[bytes]:
            yield body

        now = format_datetime(datetime.fromtimestamp((Clock().now() + clock_off).timestamp(), UTC), usegmt=True)
        return httpx2.Response(status, content=chunks(), headers={"Date": now if date is None else date})

    return Web(httpx2.MockTransport(answer))


def _body(given: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(given, bytes):
        return given
    return (given if isinstance(given, str) else json.dumps(given)).encode()


@pytest.fixture
def web() -> Callable[..., Web]:
    return web_of
