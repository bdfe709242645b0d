"""A provider of the test's own on SQLite, its clock in the test's hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.testing import SettableClock
from tests.integration.auth.certification import Suite, apply
from tests.integration.auth.provider import Browser, Provider, start
from tests.integration.auth.seeds import HTTPS_ISSUER
from tests.support.statements import sent_statements


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


@pytest.fixture(scope="session")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """One provider for all tests that get nothing but refusals from it; its clock stands still."""
    running = start(tmp_path_factory.mktemp("refusing"), SettableClock())
    yield running
    stop(running)


@pytest.fixture
def https_provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    """The same behind TLS: its cookies are `__Host-`."""
    running = start(tmp_path, clock, issuer=HTTPS_ISSUER)
    yield running
    stop(running)


@pytest.fixture
def browser(provider: Provider) -> Browser:
    return provider.browser()


@pytest.fixture
def statements(provider: Provider) -> Iterator[list[tuple[str, Any]]]:
    """The SQL statements that the provider sends, as it sends them, with their parameters."""
    with sent_statements() as sent:
        yield sent


@pytest.fixture
def suite(https_provider: Provider) -> Suite:
    """The first client of config/certification.yaml, applied beside the seeds, and a browser without cookies."""
    apply(https_provider.database)
    return Suite(https_provider, https_provider.browser())


def stop(provider: Provider) -> None:
    provider.database.dispose()
    provider.context.database.database.dispose()  # type: ignore[attr-defined] # what lifespan does
