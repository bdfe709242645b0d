"""One stack of containers for all tests of this folder, started by `make up`, and phones and a browser to use it.

A test that stops or kills a part brings it back before it ends.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from mobile.authorization import Registration
from mobile.simulator import ALICE, App, Person, Phone
from shared.clock import Clock
from tests.support.compose import ComposeStack, chromium_trusting, require_docker

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give these tests the time that building images and starting containers takes."""
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    """The running stack."""
    require_docker()
    stack = ComposeStack(tmp_path_factory.mktemp("compose"))
    try:
        done = stack.make("up")
        assert done.returncode == 0, done.stdout + done.stderr
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def http(compose: ComposeStack) -> Iterator[httpx2.Client]:
    """A plain client that trusts the stack's CA alone."""
    with compose.http() as client:
        yield client


@pytest.fixture
def install(compose: ComposeStack, tmp_path: Path) -> Iterator[Callable[[], App]]:
    """A function that returns the app on a new phone; nobody is signed in."""
    phones: list[Phone] = []

    def new() -> App:
        registration = Registration(compose.url("auth"), redirect_uri="myapp://callback")
        phones.append(Phone(registration, tmp_path / f"phone-{len(phones)}", Clock(), compose.transport()))
        return phones[-1].install("app", compose.transport())

    yield new
    for phone in phones:
        phone.close()


@pytest.fixture
def signed_in(install: Callable[[], App]) -> Callable[[Person], App]:
    """A function that returns the app on a new phone, a person signed in."""

    def new(person: Person = ALICE) -> App:
        app = install()
        app.sign_in(person)
        return app

    return new


@pytest.fixture(scope="module")
def chromium(compose: ComposeStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Headless Chromium of a user who trusts the stack's CA."""
    with chromium_trusting(compose.authority, tmp_path_factory.mktemp("home")) as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context() as context:
        context.set_default_timeout(20_000)
        yield context.new_page()
