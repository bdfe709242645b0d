"""Which passwords may be chosen: long enough, and not among the first that somebody would guess.

Spec: NIST SP 800-63B-4 s3.1.1.2; Policy: ADR-0092
The only importer of zxcvbn, whose lists hold the leaked passwords, names, words, dates and keyboard runs that guessing
begins with. There are no rules of composition, and nothing expires.
"""

import unicodedata
from collections.abc import Iterable

from zxcvbn_rs_py import zxcvbn

from services.auth.accounts.password import MAX_LENGTH, is_too_long
from services.auth.language import gettext as _

#: Code points, normalised: where the password is the only factor, and beside a second one.
ALONE, BESIDE_A_SECOND_FACTOR = 15, 8
#: A password is refused that would fall to fewer guesses than this power of ten.
_GUESSES_LOG10 = 8.0
#: What is looked at: a longer phrase is judged by its beginning. Bounds the time of a try.
_JUDGED = 72
#: Words that are too short or too long say nothing about a password.
_SHORTEST_WORD, _LONGEST_WORD = 3, 40


def password_fault(password: str, *, has_second_factor: bool, context: Iterable[str] = ()) -> str | None:
    """Return the sentence that says why this password may not be chosen; None: it may.

    `context`: words that somebody would try for this very user: their names, their address, the company's.
    """
    if is_too_long(password):
        return _("That password is too long: %(most)s characters at most.", most=MAX_LENGTH)
    normalised = unicodedata.normalize("NFKC", password)
    shortest = BESIDE_A_SECOND_FACTOR if has_second_factor else ALONE
    if len(normalised) < shortest:
        return _(
            "That password is too short: choose at least %(least)s characters, such as a few words.", least=shortest
        )
    if not normalised.strip():
        return _("That password is only blanks.")
    if is_guessable(normalised, context):
        return _("That password is easy to guess: it is common, a pattern, or made of your name. Choose another one.")
    return None


def is_guessable(normalised: str, context: Iterable[str]) -> bool:
    """Report whether a password is among the first that would be tried."""
    text = normalised.casefold()
    words = sorted({word for phrase in context for word in _words_of(phrase)}, key=len, reverse=True)
    without_words = text
    for word in words:  # what is left beside a known word is all that has to be guessed
        without_words = without_words.replace(word, "")
    judged = [text[:_JUDGED]]
    if len(without_words) < len(text):
        judged.append(without_words[:_JUDGED])
    return any(not part or zxcvbn(part, words).guesses_log10 < _GUESSES_LOG10 for part in judged)


def _words_of(phrase: str) -> list[str]:
    letters = "".join(
        letter if letter.isalnum() else " " for letter in unicodedata.normalize("NFKC", phrase).casefold()
    )
    return [word for word in letters.split() if _SHORTEST_WORD <= len(word) <= _LONGEST_WORD]
