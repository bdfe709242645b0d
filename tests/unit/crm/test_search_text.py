import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.crm.search_text import LONGEST_SORT_KEY, LONGEST_WORD, search_text, sort_key, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mad Hatter", "mad hatter"),
        ("hatter@tea.example", "hatter tea example"),
        ("+44 (20) 7946-0001", "44 20 7946 0001"),
        ("Käthe Straße ÅNGSTRÖM", "kathe strasse angstrom"),
        ('O\'Brien AND "NOT" (x) | !y:* <-> z', "o brien and not x y z"),
        ("again Again AGAIN", "again"),
        ("東京 Ωmega", "東京 ωmega"),
        ("_under_score", "under score"),
        ("ﬁne ½", "fine 1 2"),
        ("\x00\ud800", ""),
        ("", ""),
    ],
)
def test_words_are_folded(text: str, words: str) -> None:
    assert search_text(text) == words


def test_several_texts_are_one_and_none_says_nothing() -> None:
    assert search_text("Mad", None, "", "Hatter") == "mad hatter"


def test_a_word_of_any_length_is_found_by_itself() -> None:
    assert words_of("x" * 10_000) == ["x" * LONGEST_WORD] == words_of("x" * 65)


@given(st.text())
def test_words_hold_nothing_that_a_query_language_reads(text: str) -> None:
    for word in words_of(text):
        assert word and not set(word) & set(" '\"\\*:&|!()<>-^+@.,;\x00")


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert words_of(search_text(text)) == words_of(text)


def test_a_sort_key_knows_no_case_and_is_short() -> None:
    assert sort_key("ÄPFEL") == sort_key("äpfel")
    assert len(sort_key("ß" * 200)) == LONGEST_SORT_KEY
