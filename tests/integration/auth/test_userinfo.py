"""GET and POST /userinfo (OpenID Connect Core s5.3, RFC 6750 s2 and s3)."""

from typing import Any

import httpx2
import pytest

from tests.integration.auth.provider import Provider, claims_of
from tests.integration.auth.seeds import ALICE


@pytest.fixture
def tokens(provider: Provider) -> dict[str, Any]:
    return provider.sign_in()


def challenge(response: httpx2.Response, status: int) -> str:
    assert response.status_code == status, response.text
    value = str(response.headers["www-authenticate"])
    assert value.startswith('Bearer realm="auth"') and response.headers["cache-control"] == "no-store"
    return value


@pytest.mark.requirement("OIDC-5.3", "RFC6750-2.3")
def test_the_scopes_decide_what_is_told(provider: Provider) -> None:
    tokens = provider.sign_in(ALICE, scope="openid email")
    response = provider.userinfo(tokens["access_token"])
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "sub": claims_of(tokens["id_token"])["sub"],
        "email": "alice@company.localhost",
        "email_verified": True,
    }
    assert set(provider.userinfo(provider.sign_in(scope="openid")["access_token"]).json()) == {"sub"}


def test_a_token_may_come_in_a_header_or_in_a_posted_form(provider: Provider, tokens: dict[str, Any]) -> None:
    header = {"Authorization": f"bearer {tokens['access_token']}"}
    answers = [
        provider.http.get("/userinfo", headers=header),
        provider.http.post("/userinfo", headers=header),
        provider.http.post("/userinfo", data={"access_token": tokens["access_token"]}),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.requirement("RFC9700-4.3.2")
def test_a_token_in_the_query_is_ignored(provider: Provider, tokens: dict[str, Any]) -> None:
    """RFC 9700 s4.3.2"""
    response = provider.http.get("/userinfo", params={"access_token": tokens["access_token"]})
    assert challenge(response, 401) == 'Bearer realm="auth"', "no credentials, no error code"


@pytest.mark.requirement("OAUTH21-5.2")
def test_two_tokens_are_a_malformed_request(provider: Provider, tokens: dict[str, Any]) -> None:
    token = f"Bearer {tokens['access_token']}"
    form = {"access_token": tokens["access_token"]}
    twice = [("Authorization", token), ("Authorization", token)]
    assert "invalid_request" in challenge(provider.http.post("/userinfo", data=form, headers=twice[:1]), 400)
    assert "invalid_request" in challenge(provider.http.get("/userinfo", headers=twice), 400)
    body = f"access_token={form['access_token']}&access_token=x"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert "invalid_request" in challenge(provider.http.post("/userinfo", content=body, headers=headers), 400)


@pytest.mark.requirement("RFC8725-3.11")
@pytest.mark.parametrize("name", ["id_token", "refresh_token"])
def test_another_kind_of_token_is_refused(provider: Provider, tokens: dict[str, Any], name: str) -> None:
    assert 'error="invalid_token"' in challenge(provider.userinfo(tokens[name]), 401)


def test_a_changed_signature_is_refused_and_not_echoed(provider: Provider, tokens: dict[str, Any]) -> None:
    forged = tokens["access_token"][:-6] + "AAAAAA"
    response = provider.userinfo(forged)
    assert 'error="invalid_token"' in challenge(response, 401)
    assert "AAAAAA" not in response.text + str(response.headers)


@pytest.mark.parametrize(("seconds", "status"), [(899, 200), (900, 401)])
def test_an_expired_token_is_refused(provider: Provider, tokens: dict[str, Any], seconds: int, status: int) -> None:
    provider.clock.advance(seconds=seconds)
    assert provider.userinfo(tokens["access_token"]).status_code == status


def test_without_openid_it_is_insufficient_scope(provider: Provider) -> None:
    response = provider.userinfo(provider.sign_in(scope="crm:read")["access_token"])
    assert 'error="insufficient_scope"' in challenge(response, 403)
    assert 'scope="openid"' in challenge(response, 403)


def test_a_token_of_another_issuer_with_our_key_is_refused(provider: Provider, tokens: dict[str, Any]) -> None:
    elsewhere = provider.restarted(issuer="http://localhost:9999")
    assert 'error="invalid_token"' in challenge(elsewhere.userinfo(tokens["access_token"]), 401)


@pytest.mark.parametrize("token", ["x" * 8192, "\u00e4", "a.b.c", "...", "sso_rt_" + "A" * 96, "W10.W10.x"])
def test_no_posted_token_is_a_server_error(refusing: Provider, token: str) -> None:
    response = refusing.post("/userinfo", {"access_token": token})
    assert response.status_code == 401 and 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_posted_token_with_a_nul_or_twice_is_malformed(refusing: Provider) -> None:
    for token in ("a\0", ["x", "x"]):
        assert refusing.post("/userinfo", {"access_token": token}).status_code == 400
    assert refusing.post("/userinfo", {"access_token": "x" * 2**20}).status_code == 413
