"""The scripted provider on a real loopback port, and apps as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from mobile.authorization import Registration
from mobile.client import MobileClient
from mobile.store import FileStore
from shared.clock import Clock
from tests.integration.mobile.scripted_provider import ScriptedProvider, served
from tests.support.clock_file import ClockFile

_ROOT = Path(__file__).parents[3]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def provider(clock_file: ClockFile) -> Iterator[ScriptedProvider]:
    with served(ScriptedProvider(Clock(clock_file.path))) as running:
        yield running


@pytest.fixture
def store(provider: ScriptedProvider, tmp_path: Path) -> FileStore:
    """The one store that every app of the test shares."""
    return FileStore(Registration(provider.issuer), tmp_path / "tokens.json")


@pytest.fixture
def signed_in(provider: ScriptedProvider, store: FileStore) -> Iterator[MobileClient]:
    with httpx2.Client(trust_env=False) as http:
        client = MobileClient(Registration(provider.issuer), store, http, provider.clock)
        client.finish_sign_in(provider.authorize(client.begin_sign_in("http://127.0.0.1:1/callback")))
        yield client


@pytest.fixture
def home() -> Iterator[Path]:
    """A home directory directly under /tmp: the path of a Unix socket may hold some 100 bytes, and tmp_path is deep."""
    with TemporaryDirectory(prefix="sso-home-", dir="/tmp") as directory:
        yield Path(directory)


@pytest.fixture
def start(home: Path, tmp_path: Path, provider: ScriptedProvider, clock_file: ClockFile) -> Iterator[Start]:
    """Start `python -m mobile ...`, or another program, on the shared store, in a home of its own."""
    started: list[subprocess.Popen[str]] = []
    environment = os.environ | {"HOME": str(home)}  # noqa: TID251 - handed on
    addresses = ["--issuer", provider.issuer, "--crm", provider.issuer, "--orders", provider.issuer]
    store = ["--store", "file", "--store-path", str(tmp_path / "tokens.json"), "--clock-file", str(clock_file.path)]

    def _start(*arguments: str, module: str = "mobile") -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *addresses, *store, *arguments],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield _start
    for process in started:
        with process:  # closes the pipes and waits
            process.kill()
