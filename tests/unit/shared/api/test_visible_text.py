import pytest

from shared.api.visible_text import is_visible


@pytest.mark.parametrize("text", ["x", "李", "7", "€", "-", "\u200bx", "\u200f\u05d0", "👋", "e\u0301"])
def test_what_can_be_seen(text: str) -> None:
    assert is_visible(text)


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "\u200d\ufeff", "\u2060", "\u3164", "\u2800", "\u0301", "\u00ad", "\u202e"]
)
def test_what_shows_nothing(text: str) -> None:
    assert not is_visible(text)
