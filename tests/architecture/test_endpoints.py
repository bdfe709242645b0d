"""Each endpoint of auth is declared once, served, and fuzzed."""

import importlib
import pkgutil

import pytest

import services.auth.endpoints
from services.auth.app import ENDPOINTS
from services.auth.endpoints.web.endpoint import Endpoint, Kind
from tests.security.auth_openapi import BUILT, FORMS


def declared() -> list[Endpoint]:
    modules = pkgutil.walk_packages(services.auth.endpoints.__path__, "services.auth.endpoints.")
    return [
        value
        for module in modules
        for value in vars(importlib.import_module(module.name)).values()
        if isinstance(value, Endpoint)
    ]


def test_every_endpoint_that_is_declared_is_served() -> None:
    assert {endpoint.path for endpoint in declared()} == {endpoint.path for endpoint in ENDPOINTS}
    assert len({endpoint.path for endpoint in ENDPOINTS}) == len(ENDPOINTS)


def test_every_endpoint_is_described_for_the_fuzz() -> None:
    assert set(FORMS) == BUILT


def test_no_page_can_be_read_by_scripts_of_other_origins() -> None:
    assert [endpoint.path for endpoint in ENDPOINTS if endpoint.cors and endpoint.kind is Kind.PAGE] == []


@pytest.mark.parametrize("told", [{}, {"metadata": "x_endpoint", "unadvertised": "a reason"}])
def test_an_endpoint_is_advertised_or_gives_the_reason(told: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="/x"):
        Endpoint("/x", Kind.JSON, **told)  # type: ignore[arg-type] # dict of str
