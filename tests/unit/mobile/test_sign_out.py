"""Sign-out ends the sign-in whatever happens: at once, or as soon as the provider can be reached."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mobile.contents import Contents
from mobile.errors import SignInRequired, StoreError
from mobile.faults import KilledError, NoNetwork
from tests.unit.mobile.conftest import FullDisk, Installed, waiting

API = "http://localhost:9001/api/contacts"
DISCOVERY = "/.well-known/openid-configuration"


def test_sign_out_revokes_and_empties_the_store(app: Installed) -> None:
    app.sign_in()

    assert app.client.sign_out()
    assert app.provider.revoked == ["refresh-secret-1"]
    assert app.store.load() == Contents()
    with pytest.raises(SignInRequired):
        app.client.get(API)


@pytest.mark.parametrize("status", [500, 503, 400, 403, 302])
def test_sign_out_while_the_provider_fails_is_told_to_it_later(app: Installed, status: int) -> None:
    app.sign_in()
    app.provider.failures["/revoke"] = [httpx2.Response(status)]

    assert not app.client.sign_out()
    assert app.client.tokens() is None
    assert waiting(app) == ["refresh-secret-1"]

    assert app.client.end_dropped()
    assert app.provider.revoked == ["refresh-secret-1"]
    assert app.store.load() == Contents()


def test_sign_out_offline_is_told_when_the_network_is_back(install: Callable[..., Any], provider: Any) -> None:
    install().sign_in()
    network = NoNetwork(httpx2.MockTransport(provider.handle), on=DISCOVERY)
    network.arm()
    app = install(network)

    assert not app.client.sign_out()
    assert app.client.tokens() is None
    assert provider.revoked == []

    restarted = install()
    restarted.client.begin_sign_in()
    assert provider.revoked == ["refresh-secret-1"]
    assert waiting(restarted) == []


def test_sign_out_that_is_killed_before_the_provider_was_told_is_told_later(
    install: Callable[..., Any], provider: Any
) -> None:
    class Killed(httpx2.BaseTransport):
        def handle_request(self, _request: httpx2.Request) -> httpx2.Response:
            raise KilledError

    install().sign_in()
    with pytest.raises(KilledError):
        install(Killed()).client.sign_out()

    restarted = install()
    assert restarted.client.tokens() is None
    assert restarted.client.end_dropped()
    assert provider.revoked == ["refresh-secret-1"]


def test_second_sign_out_tells_the_provider_what_the_first_could_not(app: Installed) -> None:
    app.sign_in()
    app.provider.failures["/revoke"] = [httpx2.Response(503)]

    assert not app.client.sign_out()
    assert app.client.sign_out()
    assert app.provider.revoked == ["refresh-secret-1"]


def test_sign_out_on_a_full_disk_revokes_all_the_same(install: Callable[..., Any], provider: Any) -> None:
    app = install(store_class=FullDisk)
    app.sign_in()
    app.store.full = True

    with pytest.raises(StoreError, match="No space"):
        app.client.sign_out()

    assert provider.revoked == ["refresh-secret-1"]


@pytest.mark.parametrize("harm", ["cut", "exposed"])
def test_sign_out_of_a_store_that_cannot_be_used_revokes_what_is_in_it(
    app: Installed, tmp_path: Any, harm: str
) -> None:
    app.sign_in()
    path = tmp_path / "tokens.json"
    if harm == "cut":
        path.write_text(path.read_text()[:-30])
    else:
        path.chmod(0o644)
    with pytest.raises(StoreError, match="logout"):
        app.client.begin_sign_in()

    assert app.client.sign_out()
    assert app.provider.revoked == ["refresh-secret-1"]
    assert app.store.load() == Contents()
