"""CSRF tokens: bound to one browser's cookie and one request."""

import pytest

from services.auth.endpoints.web.cookies import csrf_token, csrf_token_fits

TOKEN = csrf_token("cookie", "handle")


def test_the_token_fits_its_own_browser_and_request() -> None:
    assert csrf_token_fits("cookie", "handle", TOKEN)
    assert csrf_token("cookie", "handle") == TOKEN and len(TOKEN) == 43


@pytest.mark.parametrize("given", [None, "", "x", TOKEN[:-1], TOKEN + "A", TOKEN.lower(), "\u00e4", "\0"])
def test_nothing_else_fits(given: str | None) -> None:
    assert not csrf_token_fits("cookie", "handle", given)


def test_neither_another_browser_nor_another_request() -> None:
    assert not csrf_token_fits("other", "handle", TOKEN)
    assert not csrf_token_fits("cookie", "other", TOKEN)
