"""What may stand for a person: user names and display names that people can read and nobody can forge with.

Spec: Unicode s4.5 (General Category), UAX #9 (bidirectional controls), RFC 8265 s3.1
"""

import unicodedata

from services.auth.accounts.user import normalise_username
from services.auth.language import mark

MAX_LENGTH = 200
#: Control characters, bidirectional and other invisible ones, surrogates, private use, unassigned, line separators.
_REFUSED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
#: Joiners that Persian and Indic scripts need inside a word.
_JOINERS = frozenset("\u200c\u200d")


def parse_username(typed: str) -> str:
    """Return the user name that somebody typed, as it is stored.

    Raises:
        ValueError: it is none; the message is a sentence for people and holds nothing that was typed.
    """
    name = normalise_username(typed)
    if not 0 < len(name) <= MAX_LENGTH:
        raise ValueError(mark("A user name has 1 to 200 characters."))
    if any(unicodedata.category(letter) in _REFUSED for letter in name):
        raise ValueError(mark("A user name holds no invisible or control characters."))
    return name


def parse_display_name(typed: str) -> str:
    """Return the name by which a person is called, as it is stored: NFKC, trimmed.

    Raises:
        ValueError: it is none; the message is a sentence for people and holds nothing that was typed.
    """
    if len(typed.encode("utf-8", "surrogatepass")) > MAX_LENGTH * 4:
        raise ValueError(mark("A name has 1 to 200 characters."))
    name = unicodedata.normalize("NFKC", typed).strip()
    if not 0 < len(name) <= MAX_LENGTH:
        raise ValueError(mark("A name has 1 to 200 characters."))
    if any(unicodedata.category(letter) in _REFUSED and letter not in _JOINERS for letter in name):
        raise ValueError(mark("A name holds no invisible or control characters."))
    return name
