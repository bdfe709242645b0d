"""An app on a scripted provider, without a socket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from mobile.authorization import Registration
from mobile.client import MobileClient
from mobile.store import FileStore
from shared.testing import SettableClock
from tests.integration.mobile.scripted_provider import ScriptedProvider


@dataclass
class Installed:
    """One app, its store and its provider."""

    client: MobileClient
    store: FileStore
    provider: ScriptedProvider
    clock: SettableClock
    sent: list[httpx2.Request] = field(default_factory=list)

    def sign_in(self) -> None:
        self.client.finish_sign_in(self.provider.authorize(self.client.begin_sign_in()))


@pytest.fixture
def provider(clock: SettableClock) -> ScriptedProvider:
    return ScriptedProvider(clock)


@pytest.fixture
def install(tmp_path: Path, provider: ScriptedProvider, clock: SettableClock) -> Iterator[Callable[..., Installed]]:
    """Install an app on the one store of this test; `transport` replaces the provider's own."""
    opened: list[httpx2.Client] = []

    def _install(transport: httpx2.BaseTransport | None = None, store_class: type[FileStore] = FileStore) -> Installed:
        registration = Registration(provider.issuer, redirect_uri="myapp://callback")
        store = store_class(registration, tmp_path / "tokens.json")
        http = httpx2.Client(transport=transport or httpx2.MockTransport(provider.handle))
        opened.append(http)
        return Installed(MobileClient(registration, store, http, clock), store, provider, clock)

    yield _install
    for http in opened:
        http.close()


@pytest.fixture
def app(install: Callable[..., Installed]) -> Installed:
    return install()
