"""One refresh at a time, nothing lost, and who may sign the app out."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from mobile.errors import IdTokenRejected, Offline, ProviderError, SignInRequired
from mobile.faults import DroppedReply, DyingStore, KilledError, NoNetwork
from shared.clock import epoch
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
@pytest.mark.parametrize(
    "change",
    [{"access_token": None}, {"access_token": "é"}, {"expires_in": None}, {"token_type": "mac"}, {"scope": 7}],
)
def test_rotated_token_is_on_disk_before_anything_else_can_fail(app: Installed, change: dict[str, Any]) -> None:
    app.sign_in()
    app.clock.advance(minutes=6)
    app.provider.token_answer = change

    with pytest.raises(ProviderError):
        app.client.get(API)

    stored = app.store.load().tokens
    assert stored is not None
    assert stored.refresh_token == "refresh-secret-2"
    app.provider.token_answer = {}
    assert app.client.get(API).status_code == 200


@pytest.mark.parametrize(
    "answer", [httpx2.Response(503), httpx2.Response(500), httpx2.Response(200, json={"keys": []})]
)
def test_refresh_is_not_lost_when_the_keys_cannot_be_fetched(
    app: Installed, install: Callable[..., Any], answer: httpx2.Response
) -> None:
    app.sign_in()
    before = app.client.tokens()
    app.clock.advance(minutes=6)
    app.provider.failures["/jwks"] = [answer]

    assert install().client.get(API).status_code == 200  # started anew, so it has no keys yet

    after = app.client.tokens()
    assert before is not None
    assert after is not None
    assert (after.refresh_token, after.id_token) == ("refresh-secret-2", before.id_token)


@pytest.mark.parametrize("minutes", [-300, -11, -1, 1, 11, 300])
def test_phone_whose_clock_is_wrong_goes_on_refreshing(app: Installed, minutes: int) -> None:
    """The provider's clock is right and the phone's is not: no rotation is lost, and none is made twice."""
    app.sign_in()
    skewed = epoch(app.clock.now()) - 60 * minutes
    app.provider.id_token_claims = {"iat": skewed, "exp": skewed + 300, "auth_time": None}

    for generation in (2, 3, 4):
        app.clock.advance(minutes=6)
        assert app.client.get(API).status_code == 200
        assert app.client.get(API).status_code == 200
        assert app.provider.seen["rotations"] == generation - 1


@pytest.mark.parametrize(
    "change",
    [{"nonce": "another"}, {"auth_time": 7}, {"at_hash": "x"}, {"aud": "another"}, {"iss": "x"}, {"exp": "x"}],
)
def test_refreshed_id_token_that_is_wrong_is_ignored_and_the_access_token_used(
    app: Installed, change: dict[str, Any]
) -> None:
    """OpenID Connect Core s12.2: it may be missing altogether."""
    app.sign_in()
    before = app.client.tokens()
    app.provider.id_token_claims = change

    after = app.client.refresh()
    assert before is not None
    assert after.access_token != before.access_token
    assert after.id_token == before.id_token


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
