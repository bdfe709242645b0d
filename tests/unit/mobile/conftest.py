"""An app on a scripted provider, without a socket; and the command line on the same store."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import httpx2
import pytest

from mobile import cli
from mobile.authorization import Registration
from mobile.client import MobileClient
from mobile.contents import Contents
from mobile.errors import StoreError
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


class FullDisk(FileStore):
    """A store that cannot be written once `full` is set."""

    full = False

    def save(self, contents: Contents) -> None:
        if self.full:
            raise StoreError("No space left on device")
        super().save(contents)


def waiting(app: Installed) -> list[str]:
    return [item.token for item in app.store.load().to_revoke]


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


Run = Callable[..., tuple[int, str, str]]

ORDER = "0190a1b0-0000-7000-8000-00000000d002"


@pytest.fixture
def run(
    tmp_path: Path,
    provider: ScriptedProvider,
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command on this test's store against the scripted provider; return exit code, stdout and stderr."""
    real_client = httpx2.Client
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AUTH_ISSUER", "AUTH_PORT", "CRM_PORT", "ORDERS_PORT", "TLS", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cli, "Clock", lambda _file: clock)
    monkeypatch.setattr(
        httpx2, "Client", lambda **_options: real_client(transport=httpx2.MockTransport(provider.handle))
    )

    def _run(
        *arguments: str, redirect_uri: str = "myapp://callback", store: tuple[str, ...] | None = None
    ) -> tuple[int, str, str]:
        kept = ("--store", "file", "--store-path", str(tmp_path / "tokens.json")) if store is None else store
        code = cli.main([*kept, "--redirect-uri", redirect_uri, *arguments])
        shown = capsys.readouterr()
        assert "secret" not in shown.out + shown.err, "a token was printed"
        assert not re.search(r"ey[\w-]+\.ey", shown.out + shown.err), "a JWT was printed"
        return code, shown.out, shown.err

    return _run


@pytest.fixture
def sign_in_by_browser(provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the system's browser answer each sign-in at once; return the URLs that it was opened with."""
    opened: list[str] = []

    class Receiver:
        def __init__(self, redirect_uri: str, *_: object) -> None:
            self.redirect_uri = redirect_uri

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            """Nothing was opened."""

        def wait(self, _patience: object) -> str:
            return provider.authorize(opened[-1])

    monkeypatch.setattr(cli, "DeepLinkReceiver", Receiver)

    def open_browser(url: str) -> bool:
        opened.append(url)
        return True

    monkeypatch.setattr("webbrowser.open", open_browser)
    return opened
