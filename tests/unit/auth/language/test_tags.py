import pytest

from services.auth.language.tags import of_accept_language, of_ui_locales


@pytest.mark.parametrize(
    ("wish", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("fr-CA en", "fr"),
        ("xx ja-Jpan-JP de", "ja"),
        ("DE", "de"),
        ("", None),
        (None, None),
        ("not a locale", None),
        ("deutsch", None),
        ("de_AT", None),
        ("x" * 100_000, None),
    ],
    ids=lambda value: str(value)[:12],
)
def test_an_application_asks_for_the_first_of_our_languages(wish: str | None, language: str | None) -> None:
    assert of_ui_locales(wish) == language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-CH,de;q=0.9,en;q=0.8", "de"),
        ("en;q=0.5, ja;q=0.9", "ja"),
        ("nl, fr;q=0.3", "fr"),
        ("nl, *;q=0.5", None),
        ("de;q=0, es", "es"),
        ("de;q=wrong", None),
        ("", None),
        ("en-US,en;q=0.5", "en"),
        (";;;,,,=q", None),
        ("de;q=1.0001,fr", "fr"),
    ],
)
def test_a_browser_gets_the_language_that_it_asks_for_most(header: str, language: str | None) -> None:
    assert of_accept_language(header) == language
