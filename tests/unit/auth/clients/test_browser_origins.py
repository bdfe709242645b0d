"""Whose scripts may read our JSON answers: the origins of a browser client's pages, as browsers write them."""

from dataclasses import replace

import pytest

from services.auth.clients.redirect_uris import origin_fault
from tests.support.clients import CLIENT

SPA = replace(
    CLIENT,
    application_type="web",
    redirect_uris=("https://SPA.example:443/callback", "https://spa.example/silent?x=1", "http://127.0.0.1:8080/cb"),
)


def test_the_origins_are_those_of_its_redirect_uris_and_those_it_names() -> None:
    named = replace(SPA, allowed_origins=("https://www.spa.example",))
    assert named.browser_origins == {"https://spa.example", "http://127.0.0.1:8080", "https://www.spa.example"}
    assert replace(SPA, redirect_uris=("http://[::1]:3000/cb",)).browser_origins == {"http://[::1]:3000"}


def test_an_app_or_a_server_has_none_of_its_own() -> None:
    assert replace(SPA, application_type="native").browser_origins == frozenset()
    assert replace(SPA, auth_method="client_secret_basic").browser_origins == frozenset()
    assert replace(SPA, redirect_uris=("com.example.spa:/callback",)).browser_origins == frozenset()


@pytest.mark.parametrize("origin", ["https://app.example", "https://app.example:8443", "http://127.0.0.1:3000"])
def test_an_origin_as_browsers_write_it_may_be_allowed(origin: str) -> None:
    assert origin_fault(origin, local=False) is None


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "https://*.app.example",
        "https://app.example/",
        "https://app.example:443",
        "https://App.example",
        "https://app.example?x",
        "https://user@app.example",
        "http://app.example",
        "http://localhost:3000",
        "com.example.app:/",
        "https://",
        "https://app.example:x",
        "",
    ],
)
def test_anything_else_is_refused_in_production(origin: str) -> None:
    assert origin_fault(origin, local=False)


def test_localhost_is_an_origin_in_local_mode() -> None:
    assert origin_fault("http://localhost:3000", local=True) is None
