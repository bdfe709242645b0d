"""POST /revoke (RFC 7009): a refresh token ends its family, an access token no more than its bearer may end."""

from typing import Any

import pytest

from tests.integration.auth.provider import Provider, basic, code_of, oauth_error, seeded_basic
from tests.integration.auth.seeds import PORTAL_SECRET
from tests.integration.auth.test_token import PORTAL, WITHOUT_PKCE, redeem_at_portal


@pytest.fixture
def tokens(provider: Provider) -> dict[str, Any]:
    return provider.sign_in()


def revoke(provider: Provider, token: str, **form: str) -> int:
    response = provider.post("/revoke", {"token": token, "client_id": "mobile-app", **form})
    assert response.json() == {} and response.headers["cache-control"] == "no-store"
    return response.status_code


def is_dead(provider: Provider, tokens: dict[str, Any]) -> bool:
    refused = provider.refresh(tokens["refresh_token"]).status_code == 400
    assert (provider.userinfo(tokens["access_token"]).status_code == 401) is refused
    return refused


@pytest.mark.requirement("RFC7009-2.1-hint", "RFC7009-2.1-family")
@pytest.mark.parametrize("hint", [{}, {"token_type_hint": "access_token"}, {"token_type_hint": "whatever"}])
def test_a_refresh_token_ends_the_family_whatever_the_hint_says(
    provider: Provider, tokens: dict[str, Any], hint: dict[str, str]
) -> None:
    other = provider.sign_in()
    assert revoke(provider, tokens["refresh_token"], **hint) == 200
    assert is_dead(provider, tokens)
    assert not is_dead(provider, other)
    assert provider.events().count("revoked_by_client") == 1


@pytest.mark.parametrize("hint", [{}, {"token_type_hint": "refresh_token"}])
def test_whoever_has_seen_a_native_apps_access_token_cannot_end_its_sign_in(
    provider: Provider, tokens: dict[str, Any], hint: dict[str, str]
) -> None:
    """The app is public: nobody proves to be it. The token ends alone, wherever auth itself is asked."""
    for _ in range(2):
        assert revoke(provider, tokens["access_token"], **hint) == 200
    assert provider.userinfo(tokens["access_token"]).status_code == 401
    assert provider.introspect(tokens["access_token"]).json() == {"active": False}
    assert oauth_error(provider.exchange(tokens["access_token"])) == "invalid_request"
    fresh = provider.refresh(tokens["refresh_token"]).json()
    assert provider.userinfo(fresh["access_token"]).status_code == 200
    assert provider.events().count("access_token_revoked") == 1
    assert "revoked_by_client" not in provider.events()


def test_a_confidential_client_ends_its_sign_in_by_an_access_token(provider: Provider) -> None:
    tokens = redeem_at_portal(provider, code_of(provider.browser().sign_in(**{**PORTAL, **WITHOUT_PKCE}))).json()
    response = provider.post("/revoke", {"token": tokens["access_token"]}, Authorization=basic("portal", PORTAL_SECRET))
    assert response.status_code == 200
    assert provider.events().count("revoked_by_client") == 1


def test_an_expired_access_token_ends_nothing(provider: Provider, tokens: dict[str, Any]) -> None:
    portal = redeem_at_portal(provider, code_of(provider.browser().sign_in(**{**PORTAL, **WITHOUT_PKCE}))).json()
    provider.clock.advance(days=1)
    assert revoke(provider, tokens["access_token"]) == 200
    secret = basic("portal", PORTAL_SECRET)
    assert provider.post("/revoke", {"token": portal["access_token"]}, Authorization=secret).status_code == 200
    assert not {"access_token_revoked", "revoked_by_client"} & set(provider.events())
    assert provider.refresh(tokens["refresh_token"]).status_code == 200


@pytest.mark.requirement("RFC7009-2.2")
def test_it_can_be_done_again(provider: Provider, tokens: dict[str, Any]) -> None:
    for _ in range(2):
        assert revoke(provider, tokens["refresh_token"]) == 200
    assert revoke(provider, tokens["access_token"]) == 200
    assert provider.events().count("revoked_by_client") == 1


@pytest.mark.requirement("RFC7009-2.1-family")
def test_an_older_generation_ends_the_family_too(provider: Provider, tokens: dict[str, Any]) -> None:
    fresh = provider.refresh(tokens["refresh_token"]).json()
    provider.clock.advance(hours=1)
    assert revoke(provider, tokens["refresh_token"]) == 200
    assert is_dead(provider, fresh)


@pytest.mark.requirement("RFC7009-2.1")
@pytest.mark.parametrize("name", ["refresh_token", "access_token"])
def test_another_clients_token_is_refused_and_lives(provider: Provider, tokens: dict[str, Any], name: str) -> None:
    """RFC 7009 s2.1"""
    response = provider.post("/revoke", {"token": tokens[name], "client_id": "other-app"})
    assert oauth_error(response) == "invalid_grant"
    assert not is_dead(provider, tokens)


@pytest.mark.requirement("RFC7009-2.2")
@pytest.mark.parametrize("token", ["x", "sso_rt_" + "A" * 96, "a.b.c", "\u00e4", "\U0001fad6" * 1000, "..."])
def test_an_unknown_token_is_fine(refusing: Provider, token: str) -> None:
    """RFC 7009 s2.2: the purpose is achieved already."""
    assert revoke(refusing, token) == 200


def test_an_id_token_is_no_token_to_revoke(provider: Provider, tokens: dict[str, Any]) -> None:
    assert revoke(provider, tokens["id_token"]) == 200
    assert not is_dead(provider, tokens)


@pytest.mark.requirement("RFC7009-2.1")
def test_a_confidential_client_must_authenticate(provider: Provider) -> None:
    code = code_of(provider.browser().sign_in(**{**PORTAL, **WITHOUT_PKCE}))
    tokens = redeem_at_portal(provider, code).json()
    form = {"token": tokens["refresh_token"], "client_id": "portal"}
    assert oauth_error(provider.post("/revoke", form)) == "invalid_client"
    assert provider.post("/revoke", {**form, "client_secret": PORTAL_SECRET}).status_code == 200
    assert "refresh_token_reuse" not in provider.events() and "revoked_by_client" in provider.events()


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "mobile-app"}, "invalid_request"),
        ({"client_id": "mobile-app", "token": ""}, "invalid_request"),
        ({"token": "x"}, "invalid_client"),
        ({"client_id": "nobody", "token": "x"}, "invalid_client"),
    ],
)
def test_a_request_that_lacks_something_is_refused(refusing: Provider, form: dict[str, str], error: str) -> None:
    assert oauth_error(refusing.post("/revoke", form)) == error


def test_a_repeated_parameter_is_refused(refusing: Provider) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = refusing.http.post("/revoke", content="token=x&token=y&client_id=mobile-app", headers=headers)
    assert oauth_error(response) == "invalid_request"


# ---------------------------------------------------------------- machines and traded tokens


def test_a_machine_revokes_its_own_token_and_no_other_machines(provider: Provider) -> None:
    token = provider.machine().json()["access_token"]
    foreign = provider.post("/revoke", {"token": token}, Authorization=seeded_basic("partner-web"))
    assert oauth_error(foreign) == "invalid_grant"
    assert "machine_tokens_revoked" not in provider.events()
    assert provider.post("/revoke", {"token": token}, Authorization=seeded_basic("reports-job")).status_code == 200
    assert provider.events()[-1] == "machine_tokens_revoked"


def test_an_api_cannot_end_its_callers_sign_in_by_a_traded_token(provider: Provider, tokens: dict[str, Any]) -> None:
    traded = provider.exchange(tokens["access_token"]).json()["access_token"]
    own = provider.post("/revoke", {"token": traded}, Authorization=seeded_basic("orders-api"))
    assert oauth_error(own) == "unsupported_token_type"
    for form in ({"client_id": "mobile-app"}, {"client_id": "other-app"}):
        assert oauth_error(provider.post("/revoke", {"token": traded, **form})) == "invalid_grant"
    subject = provider.post("/revoke", {"token": tokens["access_token"]}, Authorization=seeded_basic("orders-api"))
    assert oauth_error(subject) == "invalid_grant"
    assert not is_dead(provider, tokens)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"token": "x" * 8192}, 200),
        ({"token": "x" * 2**20}, 413),
        ({"token": "a\0"}, 400),
        ({"token": ["x", "y"]}, 400),
        ({"token": "x", "token_type_hint": "\u00e4" * 1000}, 200),
        ({"token": "x", "token_type_hint": "\u00e4" * 4096}, 400),
        ({"token": "x", "client_id": ["mobile-app", "mobile-app"]}, 400),
        ({"token": "x", "client_id": "x" * 8192}, 400),
        ({"token": "x", "client_id": "\u00e4"}, 400),
        ({"token": "x", "client_id": "mobile-app\0"}, 400),
    ],
)
def test_no_parameter_is_a_server_error(refusing: Provider, form: dict[str, Any], status: int) -> None:
    response = refusing.post("/revoke", {"client_id": "mobile-app", **form})
    assert response.status_code == status, response.text
    assert response.json() == {} or set(response.json()) == {"error", "error_description"}
