"""What every neighbour of a web server sends to the APIs: HEAD, and requests of pages on other origins."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.crm.settings import CrmSettings
from tests.support.apis import ALICES, SERVICES, Api, running_api

FRONT_END = "https://app.company.example"
PUBLIC = ("/openapi.json", "/.well-known/oauth-protected-resource")


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with running_api(
        request.param, tmp_path, settings={"cors_origins": f"{FRONT_END} http://localhost:5173"}
    ) as running:
        yield running


@pytest.fixture(params=SERVICES)
def closed_api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with running_api(request.param, tmp_path) as running:
        yield running


def test_head_is_answered_wherever_get_is(closed_api: Api) -> None:
    closed_api.seed(count=1)
    pages = ["/livez", "/readyz", "/metrics", "/docs", *PUBLIC, *closed_api.lists, *closed_api.seeded]
    pages += [f"{at}/history" for at in closed_api.seeded]
    if closed_api.name == "crm":
        pages.append("/api/contacts/export")
    for path in pages:
        got, head = (closed_api.call(ALICES, method, path) for method in ("GET", "HEAD"))
        assert (path, head.status_code, head.content) == (path, got.status_code, b"")
        assert head.headers.get("ETag") == got.headers.get("ETag")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_a_head_is_refused_as_the_get_would_be(closed_api: Api) -> None:
    path = next(iter(closed_api.lists))
    assert closed_api.client.head(path).status_code == 401
    assert closed_api.call(ALICES, "HEAD", f"{path}/none").status_code == 422
    refused = closed_api.call(ALICES, "PUT", path)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_without_the_setting_no_page_of_another_origin_calls(closed_api: Api) -> None:
    path = next(iter(closed_api.lists))
    answer = closed_api.call(ALICES, "GET", path, headers={"Origin": FRONT_END})
    assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = closed_api.client.options(path, headers={"Origin": FRONT_END, "Access-Control-Request-Method": "GET"})
    assert preflight.status_code == 405


def test_a_front_end_of_the_setting_calls_with_all_that_it_sends_and_reads(api: Api) -> None:
    path = next(iter(api.lists))
    asked = "authorization,content-type,idempotency-key,if-match,traceparent,sentry-trace,baggage,x-request-id"
    for method in ("GET", "POST", "PATCH", "DELETE"):
        sent = {
            "Origin": FRONT_END,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": asked,
        }
        preflight = api.client.options(path, headers=sent)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == FRONT_END
        assert "Access-Control-Allow-Credentials" not in preflight.headers
    answer = api.call(ALICES, "GET", path, headers={"Origin": FRONT_END})
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END
    assert {"ETag", "RateLimit", "X-Request-Id"} <= set(answer.headers["Access-Control-Expose-Headers"].split(", "))


def test_a_front_end_can_read_every_refusal(api: Api) -> None:
    path = next(iter(api.lists))
    for answer in (
        api.client.get(path, headers={"Origin": FRONT_END}),
        api.call(ALICES, "GET", "/none", headers={"Origin": FRONT_END}),
        api.call(ALICES, "POST", path, {}, headers={"Origin": FRONT_END}),
    ):
        assert answer.status_code >= 400
        assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.company.example.evil.example", "null"])
def test_another_origin_is_not_let_in(api: Api, origin: str) -> None:
    path = next(iter(api.lists))
    sent = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    assert "Access-Control-Allow-Origin" not in api.client.options(path, headers=sent).headers
    assert "Access-Control-Allow-Origin" not in api.call(ALICES, "GET", path, headers={"Origin": origin}).headers


@pytest.mark.parametrize("path", PUBLIC)
def test_what_is_public_is_read_by_every_page(api: Api, path: str) -> None:
    for origin in (FRONT_END, "https://anybody.example"):
        assert api.client.get(path, headers={"Origin": origin}).headers.get_list("Access-Control-Allow-Origin") == ["*"]


@pytest.mark.parametrize("origins", ["*", "app.example", "https://app.example/", "https://app.example/x", "null"])
def test_what_is_no_origin_stops_the_start(origins: str) -> None:
    with pytest.raises(ValidationError, match="origins such as"):
        CrmSettings(environment="local", cors_origins=origins)


def test_production_lets_no_page_over_http_call() -> None:
    told = CrmSettings(environment="production", cors_origins="http://app.example").common_faults()
    assert "CRM_CORS_ORIGINS: must be https origins with ENVIRONMENT=production" in told
