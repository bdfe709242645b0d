"""The logout plans (RP-initiated and the provider's part of back-channel), with config/certification.yaml applied."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.integration.auth.certification import URL, Suite
from tests.integration.auth.logout_clients import asks, queued, says_signed_out
from tests.integration.auth.seeds import HTTPS_ISSUER

BACK = f"{URL}/post_logout_redirect"
STATE = '"quotes" <angle> & 100% #hash \'\u00e4'


def logout(suite: Suite, **parameters: str) -> httpx2.Response:
    return suite.browser.http.get("/logout", params=parameters)


def signed_out(suite: Suite) -> bool:
    request = suite.request(prompt="none")
    return suite.arrive(suite.open(request), request).get("error") == "login_required"


@pytest.fixture
def id_token(suite: Suite) -> str:
    tokens, _ = suite.flow()
    return str(tokens["id_token"])


@pytest.mark.requirement("RPLOGOUT-2")
def test_hint_address_and_state(suite: Suite, id_token: str) -> None:
    response = logout(suite, id_token_hint=id_token, post_logout_redirect_uri=BACK, state=STATE)
    location = response.headers["location"]
    assert response.status_code == 303 and location.partition("?")[0] == BACK
    assert parse_qsl(urlsplit(location).query) == [("state", STATE)]
    assert signed_out(suite)


def test_without_state_nothing_is_added(suite: Suite, id_token: str) -> None:
    assert logout(suite, id_token_hint=id_token, post_logout_redirect_uri=BACK).headers["location"] == BACK


def test_an_expired_hint_is_fine(suite: Suite, id_token: str) -> None:
    suite.provider.clock.advance(hours=1)
    assert logout(suite, id_token_hint=id_token, post_logout_redirect_uri=BACK).headers["location"] == BACK


def unsigned(id_token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{header}.{id_token.split('.')[1]}."


def foreign(id_token: str) -> str:
    claims: dict[str, Any] = jwt.decode(id_token, options={"verify_signature": False})
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": jwt.get_unverified_header(id_token)["kid"]})


def modified(id_token: str) -> str:
    header, body, signature = id_token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "another"}).encode()).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


@pytest.mark.requirement("RPLOGOUT-2")
@pytest.mark.parametrize("spoil", [unsigned, foreign, modified, lambda _: "no token", lambda _: ""])
def test_a_bad_hint_never_redirects(suite: Suite, id_token: str, spoil: Callable[[str], str]) -> None:
    page = logout(suite, id_token_hint=spoil(id_token), post_logout_redirect_uri=BACK, state="x")
    assert "location" not in page.headers
    assert not signed_out(suite)


@pytest.mark.requirement("RPLOGOUT-2")
def test_no_hint_asks_and_never_redirects(suite: Suite, id_token: str) -> None:
    assert id_token
    page = logout(suite, post_logout_redirect_uri=BACK, state="x")
    assert asks(page)
    assert says_signed_out(suite.browser.submit(page, action="confirm-logout"))
    assert signed_out(suite)


def test_no_parameters_ask(suite: Suite, id_token: str) -> None:
    assert id_token
    assert asks(logout(suite))


@pytest.mark.parametrize("address", [f"{URL}/elsewhere", f"{BACK}?foo=bar", f"{BACK}/", "https://evil.example/"])
def test_an_unregistered_or_extended_address_is_never_gone_to(suite: Suite, id_token: str, address: str) -> None:
    page = logout(suite, id_token_hint=id_token, post_logout_redirect_uri=address, state="x")
    assert page.status_code in {200, 400} and "location" not in page.headers


def test_a_hint_alone_ends_on_a_page(suite: Suite, id_token: str) -> None:
    assert says_signed_out(logout(suite, id_token_hint=id_token))
    assert signed_out(suite)


@pytest.mark.requirement("BCLOGOUT-2.5")
def test_each_client_of_the_session_is_to_be_told(suite: Suite) -> None:
    """oidcc-backchannel-rp-initiated-logout: also when the browser has gone by then."""
    tokens, claims = suite.flow()
    _, second = suite.as_client("second").flow()
    assert claims["sid"] == second["sid"]
    logout(suite, id_token_hint=tokens["id_token"], post_logout_redirect_uri=BACK)
    assert queued(suite.provider) == ["certification-first", "certification-second"]


def test_discovery_says_so(suite: Suite) -> None:
    metadata = suite.provider.http.get("/.well-known/openid-configuration").json()
    assert metadata["end_session_endpoint"] == f"{HTTPS_ISSUER}/logout"
    assert metadata["backchannel_logout_supported"] is True
    assert metadata["backchannel_logout_session_supported"] is True
