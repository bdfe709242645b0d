"""What of a redirect is believed, and how often."""

from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest

from mobile.errors import IdTokenRejected, Offline, ProviderError, SignInRefused, UnexpectedCallback
from tests.unit.mobile.conftest import Installed


@pytest.mark.requirement("RFC9700-2.1.1-client", "RFC9700-4.7.1")
def test_request_carries_pkce_state_and_nonce_fresh_each_time(app: Installed) -> None:
    """RFC 9700 s2.1.1: transaction-unique."""
    first, second = (dict(parse_qsl(app.client.begin_sign_in().partition("?")[2])) for _ in range(2))

    assert first["response_type"] == "code"
    assert first["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


def test_verifier_is_stored_before_the_url_is_known_and_never_in_it(app: Installed) -> None:
    url = app.client.begin_sign_in()

    (pending,) = app.store.load().pending.values()
    assert pending.state in url
    assert pending.verifier not in url
    assert pending.verifier not in repr(pending)


def test_tokens_are_stored_and_the_waiting_sign_in_is_gone(app: Installed) -> None:
    app.sign_in()

    contents = app.store.load()
    assert contents.tokens is not None
    assert contents.tokens.claims["sub"] == "alice"
    assert not contents.pending


def test_restarted_app_finishes_what_the_ended_one_began(install: Any, provider: Any) -> None:
    url = install().client.begin_sign_in()

    assert install().client.finish_sign_in(provider.authorize(url)).claims["sub"] == "alice"


@pytest.mark.requirement("RFC9700-4.11.1", "RFC9700-4.7.1")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda url: url.replace("state=", "state=x"),
        lambda url: url.replace("state=", "other="),
        lambda url: url.replace("myapp://callback", "myapp://callbackx"),
        lambda url: url.replace("myapp://callback", "https://evil.example/callback"),
        lambda url: f"{url}&code=another",
        lambda url: f"{url}&state=another",
        lambda _: "myapp://callback",
        lambda _: "myapp://callback?code=x",
        lambda _: "myapp://callback?" + "&".join(f"a{i}=1" for i in range(60)),
        lambda _: "",
        lambda _: "http://[",
    ],
)
def test_unexpected_deep_link_is_ignored_and_the_sign_in_goes_on_waiting(app: Installed, spoil: Any) -> None:
    redirect = app.provider.authorize(app.client.begin_sign_in())

    assert not app.client.expects(spoil(redirect))
    with pytest.raises(UnexpectedCallback):
        app.client.finish_sign_in(spoil(redirect))

    assert app.provider.seen["/token"] == 0
    assert app.client.expects(redirect)
    assert app.client.finish_sign_in(redirect)


def test_same_redirect_twice_is_used_once(app: Installed) -> None:
    redirect = app.provider.authorize(app.client.begin_sign_in())
    app.client.finish_sign_in(redirect)

    with pytest.raises(UnexpectedCallback):
        app.client.finish_sign_in(redirect)

    assert app.provider.seen["/token"] == 1


def test_redirect_that_comes_too_late_is_ignored(app: Installed) -> None:
    redirect = app.provider.authorize(app.client.begin_sign_in())
    app.clock.advance(minutes=15, seconds=1)

    assert not app.client.expects(redirect)
    app.client.begin_sign_in()
    assert len(app.store.load().pending) == 1


@pytest.mark.requirement("RFC9700-4.4.2", "RFC8252-8.10", "RFC9207-2.4")
@pytest.mark.parametrize("iss", ["https://evil.example", "http://localhost:9000/", "", None])
def test_wrong_or_missing_iss_stops_before_the_code_is_sent(app: Installed, iss: str | None) -> None:
    """RFC 9207 s2.4: simple string comparison; missing though promised counts as wrong."""
    redirect = app.provider.authorize(app.client.begin_sign_in(), iss=iss)

    with pytest.raises(ProviderError, match="mix-up"):
        app.client.finish_sign_in(redirect)

    assert app.provider.seen["/token"] == 0
    assert app.store.load().tokens is None


@pytest.mark.requirement("RFC9207-2.4")
def test_iss_may_be_missing_from_a_provider_that_does_not_promise_it(app: Installed) -> None:
    app.provider.metadata["authorization_response_iss_parameter_supported"] = None

    assert app.client.finish_sign_in(app.provider.authorize(app.client.begin_sign_in(), iss=None))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("access_denied", SignInRefused),
        ("unmet_authentication_requirements", SignInRefused),
        ("temporarily_unavailable", Offline),
        ("server_error", ProviderError),
    ],
)
def test_error_response_ends_the_sign_in(app: Installed, error: str, kind: type[Exception]) -> None:
    redirect = app.provider.authorize(app.client.begin_sign_in(), code=None, error=error)

    with pytest.raises(kind):
        app.client.finish_sign_in(redirect)


@pytest.mark.requirement("RFC8252-8.10", "DISCOVERY-4.3")
@pytest.mark.parametrize("issuer", ["http://localhost:9000/", "https://evil.example", None])
def test_discovery_of_another_issuer_is_refused(app: Installed, issuer: str | None) -> None:
    """RFC 8414 s3.3: identical, else the document must not be used."""
    app.provider.metadata["issuer"] = issuer

    with pytest.raises(ProviderError, match="another issuer"):
        app.client.begin_sign_in()


@pytest.mark.requirement("RFC6750-5.3")
@pytest.mark.parametrize("endpoint", ["http://evil.example/token", None, "javascript:1", "https://", "http://[x"])
def test_endpoint_that_would_send_the_code_in_the_clear_is_refused(app: Installed, endpoint: str | None) -> None:
    app.provider.metadata["token_endpoint"] = endpoint

    with pytest.raises(ProviderError, match="token_endpoint"):
        app.client.begin_sign_in()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'"x"', b"\xff"])
def test_discovery_that_is_no_json_object_is_refused(app: Installed, body: bytes) -> None:
    app.provider.failures["/.well-known/openid-configuration"] = [httpx2.Response(200, content=body)]

    with pytest.raises(ProviderError, match="JSON"):
        app.client.begin_sign_in()


@pytest.mark.parametrize(
    "change",
    [
        {"access_token": None},
        {"access_token": 1},
        {"access_token": "é"},
        {"access_token": "a\nb"},
        {"refresh_token": "é"},
        {"scope": 7},
        {"token_type": "mac"},
        {"token_type": None},
        {"expires_in": None},
        {"expires_in": "300"},
        {"expires_in": -1},
        {"expires_in": 10**12},
        {"refresh_token": 7},
        {"id_token": None},
        {"id_token": ["x"]},
    ],
)
def test_token_answer_of_the_wrong_shape_stores_nothing(app: Installed, change: dict[str, Any]) -> None:
    app.provider.token_answer = change

    with pytest.raises(ProviderError):
        app.sign_in()

    assert app.store.load().tokens is None


def test_refused_code_is_a_provider_error_and_leaves_an_older_sign_in_alone(app: Installed) -> None:
    app.sign_in()
    before = app.client.tokens()
    app.provider.failures["/token"] = [httpx2.Response(400, json={"error": "invalid_grant"})]

    with pytest.raises(ProviderError, match="code"):
        app.sign_in()

    assert app.client.tokens() == before


def test_rejected_id_token_stores_nothing(app: Installed) -> None:
    app.provider.id_token_claims["nonce"] = "another"

    with pytest.raises(IdTokenRejected, match="nonce"):
        app.sign_in()

    assert app.store.load().tokens is None


def test_provider_that_is_busy_for_the_moment_is_as_good_as_offline(app: Installed) -> None:
    app.provider.failures["/.well-known/openid-configuration"] = [httpx2.Response(503)]

    with pytest.raises(Offline):
        app.client.begin_sign_in()
    assert app.client.begin_sign_in()


def test_userinfo_about_someone_else_is_refused(app: Installed) -> None:
    """OpenID Connect Core s5.3.2"""
    app.sign_in()
    assert app.client.userinfo()["name"] == "Alice Liddell"
    app.provider.failures["/userinfo"] = [httpx2.Response(200, json={"sub": "mallory"})]

    with pytest.raises(ProviderError, match="someone else"):
        app.client.userinfo()
