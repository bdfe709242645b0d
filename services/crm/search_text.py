"""Search text: the words of a record, folded the same way when they are stored and when they are asked for.

Done here and not by the databases, whose tokenizers differ from each other and by locale.
"""

import unicodedata

#: Characters of a word that count; the rest of a longer one is ignored, in records and in questions alike.
LONGEST_WORD = 64
#: Words of a question that count.
MOST_WORDS = 10
#: Characters of a name that its place in a sorted list depends on.
LONGEST_SORT_KEY = 100


def words_of(*texts: str | None) -> list[str]:
    """Return the words of the texts, each once: letters, digits and marks, without case and accents.

    Accents go before the text is decomposed too: the time of that grows with the square of a run of them.
    """
    plain = _without_accents(" ".join(text for text in texts if text).casefold())
    folded = unicodedata.normalize("NFKD", plain).casefold()
    letters = (
        letter if letter.isalnum() or (unicodedata.category(letter)[0] == "M") else " "
        for letter in _without_accents(folded)
    )
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in "".join(letters).split()))


def _without_accents(text: str) -> str:
    return text if text.isascii() else "".join(letter for letter in text if not unicodedata.combining(letter))


def search_text(*texts: str | None) -> str:
    """Return what is stored of the texts: their words, one space between them."""
    return " ".join(words_of(*texts))


def sort_key(name: str) -> str:
    """Return what a name is sorted and matched by its beginning by: without case, of bounded length."""
    return name.casefold()[:LONGEST_SORT_KEY]
