"""No catalogue misses a text, and each translation can be filled in as its original is.

Policy: ADR-0122
"""

import re
from collections import Counter
from typing import Any

import pytest
from babel.messages.catalog import Message

from scripts.catalogues import missing, read, texts, updated
from services.auth.language.catalogues import file_of
from services.auth.language.tags import DEFAULT, LANGUAGES

TRANSLATED = [tag for tag in LANGUAGES if tag != DEFAULT]
_VALUE = re.compile(r"%\((\w+)\)s")
_TAG = re.compile(r"</?[a-z]+[^>]*>")
#: A per cent sign that is neither a value's nor written twice would fail when the text is shown.
_BARE = re.compile(r"%(?!\(\w+\)s|%)")


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_lacks_a_translation(language: str) -> None:
    assert [message.id for message in missing(language, texts())] == [], "make catalogues lists them; then translate"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_is_as_make_catalogues_writes_it(language: str) -> None:
    assert updated(language, texts()) == file_of(language).read_bytes(), "run: make catalogues"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_values_and_the_markup_of_its_original(language: str) -> None:
    for message in read(language):
        for original, translation in _pairs(message):
            assert set(_VALUE.findall(translation)) == set(_VALUE.findall(original)), translation
            assert Counter(_TAG.findall(translation)) == Counter(_TAG.findall(original)), translation
            assert not _BARE.search(translation), translation
            assert translation == translation.strip(), translation


def test_an_original_can_be_filled_in() -> None:
    for message in texts():
        for original in _parts(message.id):
            assert not _BARE.search(original), original
            assert not re.search(r"\{\w+\}", original), f"write %(name)s: {original}"


def test_the_sentences_of_every_language_are_its_own() -> None:
    """A text that was copied instead of translated is noticed: few are the same in two languages."""
    for language in TRANSLATED:
        same = [message.id for message in read(language) if message.id and message.id == message.string]
        assert len([text for text in same if " " in str(text)]) == 0, (language, same)


def _pairs(message: Message) -> list[tuple[str, str]]:
    originals, translations = _parts(message.id), _parts(message.string)
    if not message.id:
        return []
    return [(originals[min(index, len(originals) - 1)], text) for index, text in enumerate(translations)]


def _parts(text: Any) -> list[str]:
    """Return a text, or its forms by number."""
    return [str(part) for part in text] if isinstance(text, tuple | list) else [str(text or "")]
