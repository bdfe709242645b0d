"""Fixtures and rules of every test: databases, clocks, markers from the folder, and no silent skips."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from _pytest.terminal import TerminalReporter
from playwright.sync_api import Browser, Page
from pytest_socket import disable_socket

from shared.database import Database
from shared.testing import SettableClock
from tests.support.browser import headless_chromium
from tests.support.clock_file import ClockFile
from tests.support.databases import migrated
from tests.support.missing import missing, missing_program
from tests.support.postgres import Cluster, NoPostgres, drop_database
from tests.support.stack import SERVICES, Stack, running_stack

_TESTS = Path(__file__).parent


# ---------------------------------------------------------------- rules


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the name of the folder it stands in (tests/unit/... is `unit`)."""
    for item in items:
        if item.path.is_relative_to(_TESTS):
            item.add_marker(item.path.relative_to(_TESTS).parts[0])


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(request: pytest.FixtureRequest) -> None:
    node = request.node
    if node.get_closest_marker("unit") and not node.get_closest_marker("enable_socket"):
        disable_socket(allow_unix_socket=True)  # an event loop wakes itself through one; pytest-socket undoes it


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """List by name what a missing program skipped."""
    skipped = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        if isinstance(report.longrepr, tuple) and (program := missing_program(report.longrepr[2])):
            skipped[program].append(report.nodeid)
    for program, tests in sorted(skipped.items()):
        terminalreporter.section(f"not run: {program} is missing", yellow=True)
        for test in tests:
            terminalreporter.line(test)


# ---------------------------------------------------------------- databases


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """The PostgreSQL server of this run."""
    try:
        cluster = Cluster()
    except NoPostgres as error:
        missing("PostgreSQL", str(error))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def postgres_database_url(postgres: Cluster) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of this test's own."""
    url = postgres.create_database()
    yield url
    drop_database(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of this test's own; the test runs once on each backend."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.sqlite3'}"
    url: str = request.getfixturevalue("postgres_database_url")
    return url


@pytest.fixture
def migrated_database(database_url: str) -> Iterator[Callable[[str], Database]]:
    """A function of a service's name that returns its database, empty and at head; once on each backend."""
    opened: list[Database] = []

    def of(service: str) -> Database:
        opened.append(migrated(service, database_url))
        return opened[-1]

    yield of
    for database in opened:
        database.dispose()


# ---------------------------------------------------------------- time


@pytest.fixture
def clock() -> SettableClock:
    """A clock that stands still until the test moves it."""
    return SettableClock()


@pytest.fixture
def clock_file(tmp_path: Path) -> ClockFile:
    """A CLOCK_FILE of this test's own, at zero."""
    return ClockFile(tmp_path / "clock")


# ---------------------------------------------------------------- the three processes


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running suite on SQLite, one for all tests: a test may advance its clock, and stops nothing."""
    with running_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_stack(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Stack]:
    """The same on PostgreSQL, each service with a database of its own."""
    urls = {f"{name.upper()}_DATABASE_URL": postgres.create_database() for name in SERVICES}
    with running_stack(tmp_path_factory.mktemp("postgres_stack"), urls) as running:
        yield running


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A running suite of this test's own, for tests that stop or kill a part of it."""
    with running_stack(tmp_path / "stack") as running:
        yield running


# ---------------------------------------------------------------- the browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Headless Chromium, one a module: its event loop owns the thread, and other tests bring their own."""
    with headless_chromium() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a browser that has never been here: no cookie, no history."""
    with chromium.new_context() as context:
        context.set_default_timeout(10_000)
        yield context.new_page()
