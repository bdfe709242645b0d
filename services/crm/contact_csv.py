"""Contacts as CSV: the file that goes out, and the file that comes in.

Spec: RFC 4180; Policy: ADR-0048
A cell that a spreadsheet would run as a formula goes out with a `'` before it, and such a `'` is taken off a cell that
comes in: what was exported can be imported. Columns that are not the caller's to say (owner, times) are ignored.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from services.crm.contacts import Contact
from services.crm.csv_form import LONGEST_ROW, Header, read_header, sniff_encoding
from shared.errors import InvalidInput

COLUMNS = ("id", "name", "email", "phone", "company_id", "created_at", "updated_at")

MOST_ROWS = 50_000
#: Characters of one cell; no member of a contact may be as long.
LONGEST_CELL = 1_000

# the signs that spreadsheets take for the beginning of a formula, in their full-width forms too
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@dataclass(frozen=True)
class CsvRow:
    """One row: its number in the file (the header is 1), the members that it says, or what is wrong with its form.

    `empty`: the members whose cells are empty. `id`: the contact that it tells of, as the cell has it.
    """

    number: int
    members: dict[str, str]
    fault: str | None = None
    id: str = ""
    empty: frozenset[str] = field(default_factory=frozenset)


def header_line() -> str:
    """Return the first line of an export."""
    return _line(COLUMNS)


def csv_line(contact: Contact) -> str:
    """Return the contact's line of an export."""
    details = contact.details
    moments = (moment.isoformat().replace("+00:00", "Z") for moment in (contact.created_at, contact.updated_at))
    said = (details.name, details.email or "", details.phone or "", str(details.company_id or ""))
    return _line([str(contact.id), *map(_guarded, said), *moments])


def read_rows(file: BinaryIO, codec: str | None = None) -> Iterator[CsvRow]:
    """Yield the rows of a file from its beginning, empty ones left out. `codec`: its encoding, if that was said.

    Raises:
        InvalidInput: not in that encoding, no header, a column that a contact has not, broken quotes, too many rows,
            or one that is too long.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, codec or sniff_encoding(file), newline="")
    try:
        yield from _rows(text)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"not {error.encoding}: {error.reason}", "body") from error
    finally:
        text.detach()  # it would close the file with it


def _rows(text: io.TextIOWrapper) -> Iterator[CsvRow]:
    lines = _Lines(text)
    first = next(lines, "")
    says_separator = first.casefold().startswith("sep=")
    header = read_header(first, next(lines, "") if says_separator else "")
    lines.of_row = 0
    rows = csv.reader(lines, strict=True, delimiter=header.separator)
    try:
        for number, cells in enumerate(rows, start=2):
            if number > MOST_ROWS + 1:
                raise InvalidInput(f"more than {MOST_ROWS} rows", "body")
            if cells:
                yield _row(number, header, cells)
            lines.of_row = 0
    except csv.Error as error:
        raise InvalidInput(f"line {rows.line_num + header.lines}: {error}", "body") from error


class _Lines:
    """The lines of a file, for a reader that joins those of one row.

    `of_row` counts the characters of the row that is being read; whoever has it sets that to 0.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self.of_row = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(LONGEST_ROW + 1)
        self.of_row += len(line)
        if self.of_row > LONGEST_ROW:
            raise InvalidInput(f"a row of more than {LONGEST_ROW} characters", "body")
        if not line:
            raise StopIteration
        return line


def _row(number: int, header: Header, cells: list[str]) -> CsvRow:
    if len(cells) != len(header.members):
        return CsvRow(number, {}, f"has {len(cells)} cells, the header {len(header.members)}")
    if max(map(len, cells)) > LONGEST_CELL:
        return CsvRow(number, {}, f"has a cell of more than {LONGEST_CELL} characters")
    said: dict[str, str] = {}
    for member, cell in zip(header.members, cells, strict=True):
        if member and cell and member not in said:  # of two columns that mean one member the first that says something
            said[member] = _unguarded(cell)
    names = [said.pop(part, "") for part in ("first_name", "last_name")]
    if "name" not in said and any(names):
        said["name"] = " ".join(filter(None, names))
    told = {"name" if member.endswith("_name") else member for member in header.members} - {"", "id"}
    identifier = said.pop("id", "")
    return CsvRow(number, said, None, identifier, frozenset(told - set(said)))


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue()
