"""The language in which people are spoken to: texts are written in English, and looked up in catalogues of others.

Policy: ADR-0122
`gettext` and `ngettext` translate at once, into the language of whom this thread or task is speaking to; `mark` marks a
text of a table, which is translated when somebody reads it. Answers of the protocol, logs and commands stay English.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from services.auth.language.catalogues import translations_of
from services.auth.language.tags import DEFAULT


class Listener(Protocol):
    """Whom the texts are for."""

    @property
    def language(self) -> str:
        """One of `LANGUAGES`."""
        ...


@dataclass(frozen=True)
class Known:
    """Somebody whose language is known beforehand."""

    language: str


_NOBODY = Known(DEFAULT)
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def speak_to(listener: Listener) -> None:
    """Let the texts of this task, and of the threads that it hops to, be for this listener."""
    _listener.set(listener)


def listener() -> Listener:
    """Return whom the texts are for."""
    return _listener.get() or _NOBODY


def language() -> str:
    """Return the language that texts are in."""
    return listener().language


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Speak one of `LANGUAGES` for a while: in a mail, say."""
    token = _listener.set(Known(language))
    try:
        yield
    finally:
        _listener.reset(token)


def mark(text: str) -> str:
    """Mark a text for the catalogues; whoever shows it translates it then."""
    return text


def translated(text: str) -> str:
    """Return the text in the listener's language, its values still to be filled in."""
    return translations_of(language()).gettext(text)


def translated_by_number(one: str, many: str, num: int) -> str:
    """Return that of the texts which fits the number, its values still to be filled in."""
    return translations_of(language()).ngettext(one, many, num)


def gettext(text: str, **values: Any) -> str:
    """Return the text in the listener's language, each %(name)s filled with its value; %% is a per cent sign."""
    return translated(text) % values


def ngettext(one: str, many: str, num: int, **values: Any) -> str:
    """Return that of the texts which fits the number; %(num)s is filled with it."""
    return translated_by_number(one, many, num) % {"num": num, **values}
