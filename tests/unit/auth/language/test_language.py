from datetime import UTC, datetime

import pytest

from services.auth.language import gettext, language, ngettext, speaking
from services.auth.language.catalogues import translations_of
from services.auth.language.formats import moment_in_words, wait_in_words
from services.auth.language.tags import LANGUAGES


@pytest.mark.parametrize("spoken", LANGUAGES)
def test_every_language_has_a_catalogue_that_can_be_read(spoken: str) -> None:
    with speaking(spoken):
        assert language() == spoken
        assert gettext("Nobody has translated %(this)s, 100 %% of it", this="text") == (
            "Nobody has translated text, 100 % of it"
        )
        assert ngettext("%(num)s part", "%(num)s parts", 2) == "2 parts"


def test_nobody_has_chosen_a_language() -> None:
    assert language() == "en"


def test_a_catalogue_is_read_once() -> None:
    assert translations_of("de") is translations_of("de")


@pytest.mark.parametrize(
    ("spoken", "few", "more"),
    [
        ("en", "1 second", "2 minutes"),
        ("de", "1 Sekunde", "2 Minuten"),
        ("es", "1 segundo", "2 minutos"),
        ("fr", "1\N{NO-BREAK SPACE}seconde", "2\N{NO-BREAK SPACE}minutes"),
        ("ja", "1 秒", "2 分"),
    ],
)
def test_a_wait_is_told_in_the_words_of_a_language(spoken: str, few: str, more: str) -> None:
    with speaking(spoken):
        assert wait_in_words(1) == few
        assert wait_in_words(61).replace(" ", "\N{NO-BREAK SPACE}") == more.replace(" ", "\N{NO-BREAK SPACE}")


def test_a_moment_is_told_with_its_zone() -> None:
    with speaking("de"):
        assert moment_in_words(datetime(2026, 11, 29, 13, 5, tzinfo=UTC)) == "29. November 2026, 13:05:00 UTC"
