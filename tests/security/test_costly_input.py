"""Text from outside whose reading would take time out of proportion to its length: bounded by bytes before the work.

The time of Unicode normalisation grows with the square of a run of combining marks (10,800 of them: 0.1 s with the
interpreter's lock held). Work is counted here, not timed.
"""

import base64
import http.cookies
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.auth.accounts.user import normalise_username
from services.auth.protocol import client_authentication, parameters
from services.crm.csv_form import LONGEST_ROW, read_header
from services.crm.search_text import search_text
from shared.errors import InvalidInput
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, error_of, start
from tests.integration.auth.seeds import ALICE

#: Two classes of marks in turn: each must be sorted past all of the other class.
MARKS = "\u0300\u0316" * 5400
#: Characters of a run of marks that cost next to nothing.
CHEAP = 1024


@pytest.fixture
def longest_run(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the length of the longest run of marks that is normalised, as a list of one."""
    longest, normalize = [0], unicodedata.normalize

    def counting(form: str, text: str) -> str:
        run = 0
        for letter in text:
            run = run + 1 if unicodedata.combining(letter) else 0
            longest[0] = max(longest[0], run)
        return normalize(form, text)  # type: ignore[arg-type]

    monkeypatch.setattr(unicodedata, "normalize", counting)
    return longest


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


@pytest.mark.parametrize("typed", [MARKS, "a" + MARKS, "x" * 60_000, "\u0344" * 20_000])
def test_a_user_name_of_combining_marks_is_refused_before_it_is_normalised(
    provider: Provider, longest_run: list[int], typed: str
) -> None:
    browser = provider.browser()
    refused = browser.enter_password(browser.open(), (typed[:10_800], "a guess"))
    assert refused.status_code == 400
    assert longest_run[0] <= CHEAP
    refused = browser.enter_password(browser.open(), (typed[:1300], "a guess"))  # as many as a form may escape
    assert (refused.status_code, error_of(refused)) == (400, "The user name or the password is wrong.")
    assert longest_run[0] <= CHEAP
    assert len(refused.content) < 10_000, "it is not sent back whole"


def test_a_password_of_combining_marks_is_cut_before_it_is_normalised(
    provider: Provider, longest_run: list[int]
) -> None:
    browser = provider.browser()
    for typed in (MARKS, MARKS[:1300]):
        assert browser.enter_password(browser.open(), ("alice", typed)).status_code == 400
    assert longest_run[0] <= CHEAP


def test_a_one_time_code_of_combining_marks_is_cut_before_it_is_normalised(
    provider: Provider, longest_run: list[int]
) -> None:
    browser = provider.browser()
    page = browser.enter_password(browser.open(), ("bob", "builder-yes-we-can"))
    assert browser.enter_otp(page, MARKS).status_code == 400
    assert browser.enter_otp(page, MARKS[:1300]).status_code == 400
    assert longest_run[0] <= 64


def test_a_name_in_any_script_is_never_too_long_for_the_bound() -> None:
    for name in ("\u00e9" * 200, unicodedata.normalize("NFD", "\u00e9" * 200), "\U00020000" * 200, "\ud55c" * 200):
        assert len(normalise_username(name)) == 200
    assert normalise_username("x" * 1025) == ""


def test_a_cookie_of_backslashes_is_not_unquoted(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """CVE-2024-7592: 60,000 of them took the standard library 17 s."""

    def unquote(text: str) -> str:
        raise AssertionError(f"{len(text)} characters were unquoted")

    monkeypatch.setattr(http.cookies, "_unquote", unquote)
    backslashes = 'SSO_BROWSER="' + "\\" * 30_000 + '"'
    for path in ("/authorize", "/login?request=x", "/logout", "/token", "/jwks"):
        assert provider.http.get(path, headers={"Cookie": backslashes}).status_code < 500
    browser = provider.browser()
    assert "code" in browser.sign_in(ALICE).headers["location"], "cookies are read all the same"


ESCAPES = {"escapes": "%41" * 21_000, "broken escapes": "%" * 65_000}


@pytest.mark.parametrize("value", ESCAPES.values(), ids=ESCAPES)
@pytest.mark.parametrize(
    "path", ["/login", "/mfa", "/logout", "/authorize", "/token", "/par", "/introspect", "/revoke"]
)
def test_a_form_of_escapes_is_refused_before_it_is_unescaped(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, path: str, value: str
) -> None:
    """64 kB of them take the standard library 10 ms, and of broken ones 35."""
    monkeypatch.setattr(parameters, "parse_qsl", None)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert provider.http.post(path, content=f"a={value}", headers=headers).status_code == 400


@pytest.mark.parametrize("value", ESCAPES.values(), ids=ESCAPES)
def test_basic_credentials_of_escapes_are_refused_before_they_are_unescaped(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr(client_authentication, "unquote_to_bytes", None)
    basic = base64.b64encode(f"{value[:20_000]}:x".encode()).decode()
    form = {"grant_type": "client_credentials", "token": "x", "response_type": "code"}
    for path in ("/token", "/par", "/introspect", "/revoke"):
        assert provider.http.post(path, data=form, headers={"Authorization": f"Basic {basic}"}).status_code == 401


def test_the_search_text_of_a_record_of_combining_marks_is_made_without_sorting_them(longest_run: list[int]) -> None:
    assert search_text("mad " + MARKS[:10_000] + "hatter", "Caf\u00e9") == "mad hatter cafe"
    assert longest_run[0] <= 8


def test_a_csv_header_of_combining_marks_is_unknown_before_it_is_normalised(longest_run: list[int]) -> None:
    for line in (MARKS[: LONGEST_ROW - 6] + ",name", ",".join(["name", *[MARKS[:1000]] * 15])):
        with pytest.raises(InvalidInput):
            read_header(line, "")
    assert longest_run[0] <= 64
