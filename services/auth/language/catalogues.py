"""The catalogues of translated texts: one file a language, read when the first person asks for that language.

Policy: ADR-0122
There is no step that compiles them, which one could forget: a process makes its own table of a file once, within
some 40 ms, and looks texts up in it from then on. `make catalogues` brings the files up to date with the sources.
"""

from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path

from services.auth.language.tags import DEFAULT

LOCALE = Path(__file__).parents[1] / "locale"


def file_of(language: str) -> Path:
    """Return the catalogue of a language."""
    return LOCALE / language / "LC_MESSAGES" / "messages.po"


@cache
def translations_of(language: str) -> NullTranslations:
    """Return the texts of a language; English is what the sources are written in."""
    if language == DEFAULT:
        return NullTranslations()
    # of no use to most processes, and to none before it answers
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    compiled = BytesIO()
    with file_of(language).open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
