"""Text that a reader can see: what stands for a person or a thing must show something.

Spec: Unicode s4.5 (General Category)
"""

import unicodedata

#: Letters and signs by their category, blank by their looks: Hangul fillers, the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def is_visible(text: str) -> bool:
    """Return whether a letter, digit, punctuation mark or symbol of the text can be seen."""
    return any(unicodedata.category(letter)[0] in "LNPS" and letter not in _BLANK for letter in text)
