"""Answers that are lost on a real connection: the request has been acted on, the app cannot know."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import pytest

from mobile.authorization import Registration
from mobile.client import MobileClient
from mobile.errors import Offline, SignInRequired
from mobile.faults import DelayedRequest, DroppedReply, DuplicatedRequest, Wiretap
from mobile.store import FileStore
from tests.integration.mobile.scripted_provider import ScriptedProvider
from tests.support.clock_file import ClockFile

Connect = Callable[[httpx2.BaseTransport], MobileClient]


@pytest.fixture
def connect(
    signed_in: MobileClient, provider: ScriptedProvider, store: FileStore, request: pytest.FixtureRequest
) -> Connect:
    """Restart the signed-in app on another network."""

    def _connect(network: httpx2.BaseTransport) -> MobileClient:
        http = httpx2.Client(transport=network)
        request.addfinalizer(http.close)
        return MobileClient(Registration(provider.issuer), store, http, provider.clock)

    return _connect


def test_server_that_hangs_up_after_acting_costs_nothing(
    connect: Connect, provider: ScriptedProvider, clock_file: ClockFile
) -> None:
    app = connect(httpx2.HTTPTransport())
    clock_file.advance(timedelta(minutes=6))
    provider.hang_up_after = {"/token"}

    with pytest.raises(Offline):
        app.refresh()
    assert provider.generation == 2
    provider.hang_up_after = set()

    assert app.refresh().refresh_token == "refresh-secret-2"
    assert provider.seen["rotations"] == 1


def test_dropped_replies_in_a_row_get_the_same_successor(connect: Connect, provider: ScriptedProvider) -> None:
    tap = Wiretap()
    network = DroppedReply(tap)
    app = connect(network)
    network.arm(times=3)

    for _ in range(3):
        with pytest.raises(Offline):
            app.refresh()
    app.refresh()

    answers = {exchange.response.json()["refresh_token"] for exchange in tap.stolen("refresh_token")}
    sent = {exchange.form["refresh_token"] for exchange in tap.stolen("refresh_token")}
    assert answers == {"refresh-secret-2"}
    assert sent == {"refresh-secret-1"}


def test_request_that_arrives_twice_is_survived(connect: Connect, provider: ScriptedProvider) -> None:
    network = DuplicatedRequest()
    app = connect(network)
    network.arm()

    assert app.refresh().refresh_token == "refresh-secret-2"
    assert provider.seen["rotations"] == 1


def test_sign_out_during_a_refresh_waits_and_leaves_no_tokens(connect: Connect, store: FileStore) -> None:
    network = DelayedRequest()
    app = connect(network)
    network.arm()

    with ThreadPoolExecutor(2) as pool:
        refresh = pool.submit(app.refresh)
        assert network.held.wait(30)
        sign_out = pool.submit(app.sign_out)
        network.release.set()
        refresh.result()
        assert sign_out.result()

    assert store.load().tokens is None
    with pytest.raises(SignInRequired):
        app.refresh()


def test_replayed_refresh_token_signs_the_app_out(connect: Connect) -> None:
    tap = Wiretap()
    app = connect(tap)
    app.refresh()
    app.refresh()

    thief = tap.replay(tap.stolen("refresh_token")[0])

    assert thief.json() == {"error": "invalid_grant"}
    with pytest.raises(SignInRequired):
        app.refresh()
    assert app.tokens() is None
