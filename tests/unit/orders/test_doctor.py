from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.orders.doctor import checks
from services.orders.settings import OrdersSettings
from shared.doctor import Web
from shared.doctor.report import Finding, Verdict, examine

METADATA = "http://localhost:9001/.well-known/oauth-protected-resource"


def customers(answers: dict[str, Any], tmp_path: Path, **changes: Any) -> Finding:
    def answer(request: httpx2.Request) -> httpx2.Response:
        if str(request.url) not in answers:
            raise httpx2.ConnectError("refused", request=request)

        def body() -> Iterator[bytes]:
            yield answers[str(request.url)]

        return httpx2.Response(200, content=body())

    url = f"sqlite:///{tmp_path / 'orders.sqlite3'}"
    settings = OrdersSettings(**{"environment": "local", "database_url": url, **changes})
    only = [check for check in checks(settings, Web(httpx2.MockTransport(answer))) if check.name == "customers"]
    ((_, finding),) = examine(only)
    return finding


def test_the_crm_answers_where_it_is_asked(tmp_path: Path) -> None:
    found = customers({METADATA: b'{"resource": "http://localhost:9001"}'}, tmp_path)
    assert found.verdict is Verdict.OK


@pytest.mark.parametrize("body", [b'{"resource": "http://localhost:9002"}', b"{}", b"<html>", None])
def test_something_else_answers_or_nobody(tmp_path: Path, body: bytes | None) -> None:
    found = customers({} if body is None else {METADATA: body}, tmp_path)
    assert found.verdict is Verdict.FAIL
    assert found.remedy


def test_another_address_from_inside(tmp_path: Path) -> None:
    inside = "http://crm-internal:9001"
    answers = {f"{inside}/.well-known/oauth-protected-resource": b'{"resource": "http://localhost:9001"}'}
    assert customers(answers, tmp_path, crm_url=inside).verdict is Verdict.OK
