"""`make catalogues`: bring the catalogues of translated texts up to date with the sources.

Policy: ADR-0122
A new text appears with an empty translation, one that is gone is dropped. What a translator sees: the English text, in
which files it is, and `%(name)s` where a value is filled in. With --check nothing is written, and a translation that is
missing is a failure.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from services.auth.language.catalogues import file_of
from services.auth.language.tags import DEFAULT, LANGUAGES

_ROOT = Path(__file__).parents[1]
_SOURCES = "services/auth"
_WAYS = [("**.py", "python"), ("**/templates/**.html", "jinja2"), ("**/templates/**.txt", "jinja2")]
_KEYWORDS: dict[str, tuple[int, ...] | None] = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}
#: Lines of a header that would change at every run, or say nothing.
_DATED = tuple(
    f'"{name}'.encode()
    for name in (
        *("Project-Id-Version", "Report-Msgid-Bugs-To", "POT-Creation-Date", "PO-Revision-Date", "Last-Translator"),
        *("Language-Team", "Generated-By"),
    )
)
_JINJA = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false", "encoding": "utf-8"}


def texts() -> Catalog:
    """Return every text of the sources, with the files that it is in."""
    found = Catalog(charset="utf-8")
    extracted = extract_from_dir(
        _ROOT / _SOURCES,
        _WAYS,
        {pattern: _JINJA for pattern, way in _WAYS if way == "jinja2"},
        _KEYWORDS,
        strip_comment_tags=True,
        comment_tags=("For translators:",),
    )
    for file, _, text, comments, context in extracted:
        found.add(text, None, [(f"{_SOURCES}/{file}", 0)], auto_comments=comments, context=context)
    return found


def read(language: str) -> Catalog:
    """Return the catalogue of a language, an empty one if there is none."""
    file = file_of(language)
    if not file.exists():
        return Catalog(locale=language, charset="utf-8")
    with file.open("rb") as opened:
        return read_po(opened, locale=language)


def updated(language: str, sources: Catalog) -> bytes:
    """Return the catalogue of a language as it has to be for these sources."""
    catalogue = read(language)
    catalogue.fuzzy = False
    catalogue.header_comment = ""
    catalogue.update(sources, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    written = BytesIO()
    write_po(written, catalogue, width=120, sort_output=True, include_lineno=False, ignore_obsolete=True)
    lines = written.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(_DATED))


def missing(language: str, sources: Catalog) -> Iterator[Message]:
    """Yield each text that has no translation into a language."""
    catalogue = read(language)
    for message in sources:
        if message.id:
            known = catalogue.get(message.id, message.context)
            strings = () if known is None else known.string if isinstance(known.string, tuple) else (known.string,)
            if not strings or not all(strings):
                yield message


def main(arguments: list[str]) -> int:
    """Write the catalogues, or only look."""
    sources = texts()
    lacking = 0
    for language in LANGUAGES:
        if language == DEFAULT:
            continue
        if "--check" not in arguments:
            file = file_of(language)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(updated(language, sources))
        for message in missing(language, sources):
            lacking += 1
            print(f"{language}: {message.id!r}")
    print(f"{len(sources)} texts, {lacking} translations missing")
    return 1 if lacking and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
