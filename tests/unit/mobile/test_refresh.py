"""One refresh at a time, nothing lost, and who may sign the app out."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from mobile.errors import IdTokenRejected, Offline, ProviderError, SignInRequired
from mobile.faults import DroppedReply, DyingStore, KilledError, NoNetwork
from tests.unit.mobile.conftest import Installed

API = "http://localhost:9001/api/contacts"


def test_fresh_token_is_used_as_it_is(app: Installed) -> None:
    app.sign_in()

    assert app.client.get(API).status_code == 200
    assert app.provider.seen["rotations"] == 0


@pytest.mark.parametrize(("age", "rotations"), [(269, 0), (270, 1)])
def test_refresh_comes_thirty_seconds_early(app: Installed, age: int, rotations: int) -> None:
    app.sign_in()
    app.clock.advance(seconds=age)

    assert app.client.get(API).status_code == 200
    assert app.provider.seen["rotations"] == rotations


def test_many_callers_at_expiry_make_one_refresh(app: Installed) -> None:
    app.sign_in()
    app.clock.advance(minutes=6)
    together = threading.Barrier(20)

    def call() -> int:
        together.wait()
        return app.client.get(API).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = {future.result() for future in [pool.submit(call) for _ in range(20)]}

    assert statuses == {200}
    assert app.provider.seen["rotations"] == 1
    assert app.provider.seen["/token"] == 2


def test_many_callers_refused_by_an_api_make_one_refresh(app: Installed) -> None:
    app.sign_in()
    tokens = app.client.tokens()
    assert tokens is not None
    app.provider.refused_access_tokens.add(tokens.access_token)
    together = threading.Barrier(10)

    def call() -> int:
        together.wait()
        return app.client.get(API).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = {future.result() for future in [pool.submit(call) for _ in range(10)]}

    assert statuses == {200}
    assert app.provider.seen["rotations"] == 1


def test_api_that_goes_on_refusing_is_asked_twice_and_no_more(app: Installed) -> None:
    app.sign_in()
    app.provider.failures["/api/contacts"] = [httpx2.Response(401) for _ in range(5)]

    assert app.client.get(API).status_code == 401
    assert app.provider.seen["/api/contacts"] == 2
    assert app.provider.seen["rotations"] == 1


@pytest.mark.requirement("OAUTH21-4.3.2")
def test_rotated_token_is_on_disk_before_anything_else_can_fail(app: Installed, install: Callable[..., Any]) -> None:
    app.sign_in()
    app.clock.advance(minutes=6)
    app.provider.failures["/jwks"] = [httpx2.Response(503)]

    with pytest.raises(Offline):
        install().client.get(API)  # started anew, so it has no keys yet to validate the new ID token with

    stored = app.store.load().tokens
    assert stored is not None
    assert stored.refresh_token == "refresh-secret-2"
    assert app.client.get(API).status_code == 200


def test_lost_reply_is_survived_by_sending_the_same_token_again(install: Callable[..., Any], provider: Any) -> None:
    network = DroppedReply(httpx2.MockTransport(provider.handle))
    app = install(network)
    app.sign_in()
    app.clock.advance(minutes=6)
    network.arm()

    with pytest.raises(Offline):
        app.client.get(API)
    assert provider.generation == 2
    assert app.client.tokens().refresh_token == "refresh-secret-1"

    assert app.client.get(API).status_code == 200
    assert app.client.tokens().refresh_token == "refresh-secret-2"
    assert provider.seen["rotations"] == 1


def test_kill_between_receive_and_save_is_survived(install: Callable[..., Any], provider: Any) -> None:
    app = install(store_class=DyingStore)
    app.sign_in()
    app.clock.advance(minutes=6)
    app.store.arm()

    with pytest.raises(KilledError):
        app.client.get(API)

    assert provider.generation == 2
    assert install().client.get(API).status_code == 200
    assert provider.seen["rotations"] == 1


def test_offline_before_expiry_goes_on_with_what_still_works(install: Callable[..., Any], provider: Any) -> None:
    network = NoNetwork(httpx2.MockTransport(provider.handle))
    app = install(network)
    app.sign_in()
    app.clock.advance(seconds=280)
    network.arm()

    assert app.client.get(API).status_code == 200
    assert provider.seen["rotations"] == 0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx2.Response(500, json={"error": "invalid_grant"}), ProviderError),
        (httpx2.Response(500), ProviderError),
        (httpx2.Response(502), Offline),
        (httpx2.Response(503, json={"error": "invalid_grant"}), Offline),
        (httpx2.Response(504), Offline),
        (httpx2.Response(429, headers={"Retry-After": "1"}), Offline),
        (httpx2.Response(302, headers={"Location": "https://captive.portal/"}), ProviderError),
        (httpx2.Response(200, text="<html>captive portal</html>"), ProviderError),
        (httpx2.Response(200, json=[]), ProviderError),
        (httpx2.Response(400, json={"error": "invalid_request"}), ProviderError),
        (httpx2.Response(400, json={"error": "invalid_scope"}), ProviderError),
        (httpx2.Response(400, json={"error": ["invalid_grant"]}), ProviderError),
        (httpx2.Response(401, json={"error": "invalid_client"}), ProviderError),
        (httpx2.Response(403, json={"error": "invalid_grant"}), ProviderError),
    ],
)
def test_nothing_but_invalid_grant_signs_out(app: Installed, answer: httpx2.Response, kind: type[Exception]) -> None:
    app.sign_in()
    before = app.client.tokens()
    app.clock.advance(minutes=6)
    app.provider.failures["/token"] = [answer]

    with pytest.raises(kind):
        app.client.get(API)

    assert app.client.tokens() == before
    assert app.client.get(API).status_code == 200


def test_invalid_grant_signs_out(app: Installed) -> None:
    app.sign_in()
    app.clock.advance(minutes=6)
    app.provider.family_alive = False

    with pytest.raises(SignInRequired):
        app.client.get(API)

    assert app.client.tokens() is None
    assert app.provider.seen["/token"] == 2


@pytest.mark.requirement("OIDC-12.2-client")
def test_refreshed_id_token_about_someone_else_is_refused(app: Installed) -> None:
    """OpenID Connect Core s12.2"""
    app.sign_in()
    before = app.client.tokens()
    app.clock.advance(minutes=6)
    app.provider.id_token_claims["sub"] = "mallory"

    with pytest.raises(IdTokenRejected, match="sub"):
        app.client.get(API)

    after = app.client.tokens()
    assert before is not None
    assert after is not None
    assert after.access_token == before.access_token


def test_provider_that_does_not_rotate_keeps_the_old_refresh_token(app: Installed) -> None:
    """RFC 6749 s6: a new refresh token MAY be issued."""
    app.sign_in()
    app.provider.token_answer = {"refresh_token": None, "id_token": None}

    assert app.client.refresh().refresh_token == "refresh-secret-1"


def test_without_refresh_token_the_access_token_is_used_to_its_end(app: Installed) -> None:
    app.provider.token_answer = {"refresh_token": None}
    app.sign_in()
    app.clock.advance(seconds=299)
    assert app.client.get(API).status_code == 200

    app.clock.advance(seconds=1)
    with pytest.raises(SignInRequired):
        app.client.get(API)


def test_new_signing_key_is_fetched_once_seen(app: Installed) -> None:
    app.sign_in()
    app.provider.signing_key = "key-2"

    assert app.client.refresh()
    assert app.provider.seen["/jwks"] == 2


@pytest.mark.requirement("RFC6750-5.3")
def test_token_never_goes_to_a_plain_http_address_elsewhere(app: Installed) -> None:
    """RFC 6750 s5.3"""
    app.sign_in()

    for url in ("http://crm.example/api", "ftp://localhost/", "//localhost/x", "http://localhost@evil.example/"):
        with pytest.raises(ProviderError, match="https"):
            app.client.get(url)
    assert app.provider.seen["/api/contacts"] == 0


def test_api_redirect_is_not_followed_with_the_token(app: Installed) -> None:
    app.sign_in()
    app.provider.failures["/api/contacts"] = [httpx2.Response(302, headers={"Location": "https://evil.example/"})]

    assert app.client.get(API).status_code == 302


def test_sign_out_revokes_and_empties_the_store(app: Installed) -> None:
    app.sign_in()

    assert app.client.sign_out()
    assert app.provider.revoked == ["refresh-secret-1"]
    assert app.client.tokens() is None
    with pytest.raises(SignInRequired):
        app.client.get(API)


@pytest.mark.parametrize("status", [500, 503, 400])
def test_sign_out_empties_the_store_when_the_provider_fails(app: Installed, status: int) -> None:
    app.sign_in()
    app.provider.failures["/revoke"] = [httpx2.Response(status)]

    assert not app.client.sign_out()
    assert app.client.tokens() is None


def test_sign_out_offline_empties_the_store(install: Callable[..., Any], provider: Any) -> None:
    install().sign_in()
    network = NoNetwork(httpx2.MockTransport(provider.handle), on="/.well-known/openid-configuration")
    network.arm()
    app = install(network)

    assert not app.client.sign_out()
    assert app.client.tokens() is None


def test_userinfo_about_someone_else_is_refused(app: Installed) -> None:
    """OpenID Connect Core s5.3.2"""
    app.sign_in()
    assert app.client.userinfo()["name"] == "Alice Liddell"
    app.provider.failures["/userinfo"] = [httpx2.Response(200, json={"sub": "mallory"})]

    with pytest.raises(ProviderError, match="someone else"):
        app.client.userinfo()
