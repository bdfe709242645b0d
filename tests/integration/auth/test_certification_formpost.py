"""The form post plan: the basic plan's modules with response_mode=form_post, config/certification.yaml applied."""

import re
from typing import Any

import httpx2
import pytest

from tests.integration.auth.certification import URL, Suite
from tests.integration.auth.provider import action_of, hidden_fields
from tests.integration.auth.seeds import CHALLENGE, HTTPS_ISSUER, VERIFIER


def posted(page: httpx2.Response, request: dict[str, str]) -> dict[str, str]:
    """Check the page that posts itself, and return what arrives at the client."""
    assert page.status_code == 200 and 'id="form-post"' in page.text, page.text
    assert action_of(page) == request["redirect_uri"] and page.headers["cache-control"] == "no-store"
    policy = page.headers["content-security-policy"]
    assert "script-src 'self'" in policy and re.findall("<script[^>]*>", page.text) == re.findall(
        r'<script src="/static/pages\.js[^>]*>', page.text
    ), "the one script that may run"
    assert " data-post-back>" in page.text, "and what it posts"
    assert "<button" in page.text, "without JavaScript a button does it"
    answer = hidden_fields(page)
    assert answer["iss"] == HTTPS_ISSUER and answer.get("state") == request.get("state")
    return answer


def flow(suite: Suite, **changes: str | None) -> dict[str, Any]:
    request = suite.request(response_mode="form_post", **changes)
    page = suite.open(request)
    if 'id="login"' in page.text:
        page = suite.sign_in(page)
    tokens = suite.redeem(posted(page, request)["code"])
    return suite.verified(tokens["id_token"], request.get("nonce"))


@pytest.mark.requirement("FORMPOST-2")
@pytest.mark.parametrize("client", ["first", "second", "post"])
def test_server(suite: Suite, client: str) -> None:
    assert flow(suite.as_client(client))


def test_response_type_missing(suite: Suite) -> None:
    request = suite.request(response_type=None, response_mode="form_post")
    response = suite.open(request)
    if response.status_code == 200:
        error = posted(response, request)["error"]
    else:
        error = suite.arrive(response, request)["error"]
    assert error in {"invalid_request", "unsupported_response_type"}


def test_prompt_none_not_logged_in(suite: Suite) -> None:
    request = suite.request(prompt="none", response_mode="form_post")
    assert posted(suite.open(request), request)["error"] == "login_required"


def test_prompt_none_logged_in(suite: Suite) -> None:
    first = flow(suite)
    assert flow(suite, prompt="none")["sub"] == first["sub"]


@pytest.mark.parametrize("changes", [{"prompt": "login"}, {"max_age": "1"}])
def test_prompt_login_and_max_age_1(suite: Suite, changes: dict[str, str]) -> None:
    first = flow(suite, max_age="10000")
    suite.provider.clock.advance(seconds=3)
    request = suite.request(response_mode="form_post", **changes)
    page = suite.sign_in(suite.open(request))
    tokens = suite.redeem(posted(page, request)["code"])
    assert suite.verified(tokens["id_token"], request["nonce"])["auth_time"] == first["auth_time"] + 3


def test_max_age_10000(suite: Suite) -> None:
    first = flow(suite, max_age="10000")
    suite.provider.clock.advance(seconds=3)
    assert flow(suite, max_age="10000")["auth_time"] == first["auth_time"]


def test_ensure_request_without_nonce_succeeds(suite: Suite) -> None:
    assert "nonce" not in flow(suite, nonce=None)


def test_ensure_registered_redirect_uri(suite: Suite) -> None:
    page = suite.open(suite.request(redirect_uri=f"{URL}/elsewhere", response_mode="form_post"))
    assert page.status_code == 400 and 'id="form-post"' not in page.text


@pytest.mark.parametrize("name", ["request", "request_uri"])
def test_request_objects_are_refused_by_name(suite: Suite, name: str) -> None:
    request = suite.request(response_mode="form_post", **{name: "https://suite.example/request.jwt"})
    assert posted(suite.open(request), request)["error"] == f"{name}_not_supported"


@pytest.mark.requirement("FORMPOST-2")
def test_a_state_full_of_markup_comes_back_escaped_and_intact(suite: Suite) -> None:
    request = suite.request(response_mode="form_post", state='"><script>alert(1)</script>&amp;')
    page = suite.sign_in(suite.open(request))
    assert posted(page, request)["state"] == request["state"] and "alert(1)</script>" not in page.text


def test_ensure_request_with_valid_pkce_succeeds(suite: Suite) -> None:
    request = suite.request(response_mode="form_post", code_challenge=CHALLENGE, code_challenge_method="S256")
    page = suite.sign_in(suite.open(request))
    assert suite.redeem(posted(page, request)["code"], code_verifier=VERIFIER)
