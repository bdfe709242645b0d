"""CORS: whose scripts may read what (RFC 9700 s2.6, OpenID Connect Core s5.3)."""

from pathlib import Path

import pytest

from services.auth.app import ENDPOINTS
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, start
from tests.integration.auth.seeds import CRM

#: The page of the seeds' public browser client.
ORIGIN = {"Origin": CRM}
DOCUMENTS = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json")
NEVER = ("/authorize", "/login", "/mfa", "/consent", "/continue", "/logout", "/par", "/introspect", "/metrics")
FOREIGN = (
    "https://evil.example",
    "null",
    f"{CRM}.evil.example",
    f"{CRM}/",
    CRM.upper(),
    "http://localhost",
    "http://localhost:90011",
    "https://localhost:9001",
    "http://localhost:9100",  # partner-web is not a browser client
    "https://app.company.localhost",  # a native app's address is not a page
    "http://127.0.0.1",
    "",
)


@pytest.mark.requirement("RFC9700-2.6-cors")
@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_page_of_any_origin_may_read_public_documents(refusing: Provider, path: str) -> None:
    for origin in (CRM, *FOREIGN):
        answer = refusing.http.get(path, headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" not in answer.headers.get("vary", ""), "one answer for all, also from a cache"
    known = refusing.http.get(path, headers={**ORIGIN, "If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.headers["access-control-allow-origin"]) == (304, "*")
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "if-none-match"}
    preflight = refusing.http.options(path, headers={"Origin": "https://anybody.example", **asked})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "*")


def test_a_page_of_any_origin_may_read_status_lists(provider: Provider) -> None:
    provider.sign_in()
    answer = provider.http.get("/status/0", headers={"Origin": "https://anybody.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_what_tracing_adds_to_a_request_is_let_through(refusing: Provider) -> None:
    sent = "authorization,traceparent,tracestate,baggage,sentry-trace,x-request-id"
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": sent}
    for path in ("/token", "/revoke", "/userinfo", *DOCUMENTS):
        allowed = refusing.http.options(path, headers={**ORIGIN, **asked}).headers["access-control-allow-headers"]
        assert set(sent.split(",")) <= set(allowed.lower().split(", ")), path


def test_head_is_answered_wherever_get_is(provider: Provider) -> None:
    """Monitors, link checkers and proxies send it; of an unknown request it is the page's refusal, as of a GET."""
    provider.sign_in()
    paths = [endpoint.path.replace("{shard}", "0") for endpoint in ENDPOINTS if "GET" in endpoint.handlers]
    for path in [*paths, "/livez", "/readyz", "/metrics", "/static/style.css", "/none"]:
        got, head = provider.http.get(path), provider.http.head(path)
        assert (path, head.status_code) == (path, got.status_code)
        assert head.headers.get("content-type") == got.headers.get("content-type")
    assert provider.http.head("/token").status_code == 405


@pytest.mark.parametrize("path", ["/token", "/revoke", "/userinfo"])
def test_oauth_errors_carry_the_headers(refusing: Provider, path: str) -> None:
    answer = refusing.http.post(path, data={"grant_type": "nonsense"}, headers=ORIGIN)
    assert answer.status_code in {400, 401}
    assert (answer.headers["access-control-allow-origin"], answer.headers["vary"]) == (CRM, "Origin")
    assert "WWW-Authenticate" in answer.headers["access-control-expose-headers"]
    wrong_method = refusing.http.put(path, headers=ORIGIN)
    assert (wrong_method.status_code, wrong_method.headers["access-control-allow-origin"]) == (405, CRM)


@pytest.mark.parametrize(
    ("path", "methods"),
    [("/token", "POST"), ("/revoke", "POST"), ("/userinfo", "GET, HEAD, POST"), (DOCUMENTS[0], "GET, HEAD")],
)
def test_a_preflight_is_answered(refusing: Provider, path: str, methods: str) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = refusing.http.options(path, headers={**ORIGIN, **asked})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ("*" if path in DOCUMENTS else CRM)
    assert answer.headers["access-control-allow-methods"] == methods
    assert {"authorization", "content-type"} <= set(answer.headers["access-control-allow-headers"].lower().split(", "))
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_origin_may_read_nothing(refusing: Provider, origin: str) -> None:
    answer = refusing.http.get("/userinfo", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    assert not [name for name in refusing.http.options("/token", headers=preflight).headers if "access-control" in name]


def test_two_origins_at_once_are_none(refusing: Provider) -> None:
    answer = refusing.http.get("/userinfo", headers=[("Origin", CRM), ("Origin", CRM)])
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.requirement("RFC9700-2.6-cors")
@pytest.mark.parametrize("path", NEVER)
def test_no_page_and_no_confidential_endpoint_is_ever_readable(refusing: Provider, path: str) -> None:
    """RFC 9700 s2.6: no CORS at the authorization endpoint, whoever asks."""
    preflight = {**ORIGIN, "Access-Control-Request-Method": "POST"}
    answers = [refusing.http.get(path, headers=ORIGIN), refusing.http.options(path, headers=preflight)]
    answers.append(refusing.http.post(path, headers=ORIGIN))
    assert not [name for answer in answers for name in answer.headers if name.startswith("access-control")]


def test_a_429_carries_the_headers(tmp_path: Path, clock: SettableClock) -> None:
    provider = start(tmp_path, clock, rate_limit_token="1/hour")
    provider.refresh("nonsense")
    limited = provider.http.post("/token", data={"grant_type": "x"}, headers=ORIGIN)
    assert (limited.status_code, limited.headers["access-control-allow-origin"]) == (429, CRM)
    assert "Retry-After" in limited.headers["access-control-expose-headers"]
    stop(provider)


def test_an_allowed_origin_is_read_from_the_metadata_within_ten_seconds(provider: Provider) -> None:
    spa = {"Origin": "https://spa.example"}
    assert "access-control-allow-origin" not in provider.http.get("/userinfo", headers=spa).headers
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.allowed_origins', json('[\"https://spa.example\"]')) "
        "WHERE client_id = 'portal'"
    )
    provider.clock.advance(seconds=11)
    answer = provider.http.get("/userinfo", headers=spa)
    assert answer.headers["access-control-allow-origin"] == "https://spa.example"
    provider.sql("UPDATE clients SET disabled_at = created_at WHERE client_id = 'portal'")
    provider.clock.advance(seconds=11)
    assert "access-control-allow-origin" not in provider.http.get("/userinfo", headers=spa).headers
