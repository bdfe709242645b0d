"""A body that takes its time: its token is asked for again when it is in. And bodies that are not JSON."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Depends, FastAPI, Request, params
from starlette.testclient import TestClient

from shared.bearer import (
    AccessTokenVerifier,
    Principal,
    ProtectedApi,
    ProtectedRoute,
    fail_closed,
    install_bearer,
    require_auth,
    require_scope,
)
from shared.bearer.web.body import accepts
from shared.testing import FakeIssuer, SettableClock

Writer = Annotated[Principal, Depends(require_scope("a"))]


@pytest.fixture
def app(verifier: AccessTokenVerifier) -> FastAPI:
    router = APIRouter(route_class=ProtectedRoute)

    @router.post("/json")
    async def json_body(caller: Writer, body: Annotated[dict[str, int], Body()]) -> str:
        return caller.subject

    @router.post("/recent", dependencies=[Depends(require_auth(max_age=timedelta(minutes=5)))])
    async def recent(caller: Writer, body: Annotated[dict[str, int], Body()]) -> str:
        return caller.subject

    @router.post("/sync")
    def sync(caller: Writer, body: Annotated[dict[str, int], Body()]) -> str:
        return caller.subject

    @router.post("/import", dependencies=[Depends(fail_closed)])
    async def own_reader(caller: Writer, request: Request) -> int:
        return len(await request.body())

    @router.post("/optional")
    async def optional(caller: Writer, body: Annotated[dict[str, int] | None, Body()] = None) -> str:
        return caller.subject

    @router.post("/csv")
    async def csv(caller: Writer, body: Annotated[bytes, Body(media_type="text/csv")]) -> int:
        return len(body)

    app = FastAPI()
    install_bearer(app, ProtectedApi("api", "http://localhost:9001", "http://localhost:9000", ("a",), verifier))
    app.include_router(router)
    return app


Meanwhile = Callable[[], Awaitable[None]]


async def send_slowly(app: FastAPI, path: str, token: str, meanwhile: Meanwhile) -> int:
    """Return the status of a request whose last byte comes after `meanwhile`."""
    chunks = [b'{"n":', b" 1}"]
    status = 0

    async def receive() -> dict[str, Any]:
        if not chunks:
            await asyncio.Event().wait()  # the caller waits for the answer
        if len(chunks) == 1:
            await meanwhile()
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
    await app({**scope, "headers": headers, "http_version": "1.1", "scheme": "http"}, receive, send)
    return status


PATHS = ("/json", "/sync", "/import", "/optional")


@pytest.mark.parametrize("path", PATHS)
def test_who_signs_out_before_the_last_byte_is_refused(
    app: FastAPI, path: str, issuer: FakeIssuer, clock: SettableClock
) -> None:
    token = issuer.access_token(scope="a")

    async def sign_out() -> None:
        issuer.revoke(token)
        clock.advance(seconds=34)

    async def wait() -> None:
        clock.advance(seconds=34)

    assert asyncio.run(send_slowly(app, path, token, wait)) == 200
    assert asyncio.run(send_slowly(app, path, token, sign_out)) == 401


@pytest.mark.parametrize("path", PATHS)
def test_a_token_that_expires_before_the_last_byte_is_refused(
    app: FastAPI, path: str, issuer: FakeIssuer, clock: SettableClock
) -> None:
    async def expire() -> None:
        clock.advance(seconds=933)

    assert asyncio.run(send_slowly(app, path, issuer.access_token(scope="a"), expire)) == 401


def test_a_sign_in_that_gets_too_old_before_the_last_byte_is_challenged(
    app: FastAPI, issuer: FakeIssuer, clock: SettableClock
) -> None:
    now = int(clock.now().timestamp())

    async def wait() -> None:
        clock.advance(seconds=20)

    for age, status in ((10, 200), (290, 401)):
        token = issuer.access_token(scope="a", auth_time=now - age)
        assert asyncio.run(send_slowly(app, "/recent", token, wait)) == status


def test_an_import_fails_closed_though_the_issuer_went_away_while_it_arrived(
    app: FastAPI, issuer: FakeIssuer, clock: SettableClock
) -> None:
    async def go_away() -> None:
        issuer.outage = True
        clock.advance(seconds=90)

    assert asyncio.run(send_slowly(app, "/import", issuer.access_token(scope="a"), go_away)) == 503


def test_a_body_that_never_ends_is_given_up(app: FastAPI, issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProtectedRoute, "body_deadline", timedelta(seconds=0.05))

    async def for_ever() -> None:
        await asyncio.Event().wait()

    for path in PATHS:
        assert asyncio.run(send_slowly(app, path, issuer.access_token(scope="a"), for_ever)) == 408


def test_bodies_that_are_not_json_reach_the_routes_that_take_them(app: FastAPI, issuer: FakeIssuer) -> None:
    headers = {"Authorization": f"Bearer {issuer.access_token(scope='a')}"}
    with TestClient(app) as client:

        def status(path: str, **options: Any) -> int:
            return client.post(path, headers=headers | options.pop("headers", {}), **options).status_code

        assert status("/csv", content=b"a,b", headers={"Content-Type": "text/csv; charset=utf-8"}) == 200
        assert status("/optional") == status("/optional", json={"n": 1}) == 200
        for path in ("/json", "/optional"):
            assert status(path, content=b"{}", headers={"Content-Type": "text/plain"}) == 415
        refused = client.post("/csv", json={}, headers=headers)
        assert (refused.status_code, refused.headers["Content-Type"]) == (415, "application/problem+json")
        assert refused.json()["detail"] == "The body must be text/csv."


FORMS = "multipart/form-data or application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("field", "content_type", "wanted"),
    [
        (params.File(), "multipart/form-data; boundary=x", None),
        (params.File(), "application/x-www-form-urlencoded", "multipart/form-data"),
        (params.File(), "application/json", "multipart/form-data"),
        (params.Form(), "multipart/form-data; boundary=x", None),
        (params.Form(), "application/x-www-form-urlencoded", None),
        (params.Form(), "application/json", FORMS),
        (params.Form(), "", FORMS),
        (params.Form(default=None), "", None),
        (params.Body(), "application/problem+json; charset=utf-8", None),
        (params.Body(), "multipart/form-data; boundary=x", "application/json"),
    ],
)
def test_each_kind_of_body_has_its_media_types(field: params.Body, content_type: str, wanted: str | None) -> None:
    headers = [(b"content-type", content_type.encode())] if content_type else []
    request = Request({"type": "http", "method": "POST", "headers": headers})
    assert accepts(SimpleNamespace(field_info=field), request) == wanted
