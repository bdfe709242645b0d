"""Contacts as CSV: the file that goes out, and the file that comes in.

Spec: RFC 4180
A cell that a spreadsheet would run as a formula goes out with a `'` before it, and such a `'` is taken off a cell that
comes in: what was exported can be imported. Columns that are not the caller's to say (id, owner, times) are ignored.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.crm.contacts import Contact
from shared.errors import InvalidInput

COLUMNS = ("id", "name", "email", "phone", "company_id", "created_at", "updated_at")
_TAKEN = ("name", "email", "phone", "company_id")
_IGNORED = {*COLUMNS, "owner", "owner_sub", "owner_team", "version", "deleted_at"} - {*_TAKEN}

MOST_ROWS = 50_000
#: Characters of one cell; no member of a contact may be as long.
LONGEST_CELL = 1_000
#: Characters of one row: cells of every column, each in quotes. A longer one is no row of contacts, and not read on.
LONGEST_ROW = 16_384

# the signs that spreadsheets take for the beginning of a formula, in their full-width forms too
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@dataclass(frozen=True)
class CsvRow:
    """One row: its number in the file (the header is 1), the members that it says, or what is wrong with its form."""

    number: int
    members: dict[str, str]
    fault: str | None = None


def header_line() -> str:
    """Return the first line of an export."""
    return _line(COLUMNS)


def csv_line(contact: Contact) -> str:
    """Return the contact's line of an export."""
    details = contact.details
    moments = (moment.isoformat().replace("+00:00", "Z") for moment in (contact.created_at, contact.updated_at))
    said = (details.name, details.email or "", details.phone or "", str(details.company_id or ""))
    return _line([str(contact.id), *map(_guarded, said), *moments])


def read_rows(file: bytes) -> Iterator[CsvRow]:
    """Yield the rows of a file, empty ones left out; an empty cell says nothing.

    Raises:
        InvalidInput: not UTF-8, no header, a column that a contact has not, broken quotes, too many rows, or one
            that is too long.
    """
    lines = _Lines(_text(file))
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(rows, [])]
        _check(header)
        lines.of_row = 0
        for number, cells in enumerate(rows, start=2):
            if number > MOST_ROWS + 1:
                raise InvalidInput(f"more than {MOST_ROWS} rows", "body")
            if cells:
                yield _row(number, header, cells)
            lines.of_row = 0
    except csv.Error as error:
        raise InvalidInput(f"line {rows.line_num}: {error}", "body") from error


class _Lines:
    """The lines of a file, for a reader that joins those of one row.

    `of_row` counts the characters of the row that is being read; whoever has it sets that to 0.
    """

    def __init__(self, text: str) -> None:
        self._text = io.StringIO(text, newline="")
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


def _text(file: bytes) -> str:
    try:
        return file.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"not UTF-8 at byte {error.start}", "body") from error


def _check(header: list[str]) -> None:
    if "name" not in header:
        raise InvalidInput("the first line must name the columns, name among them", "body")
    if len(set(header)) < len(header):
        raise InvalidInput("a column is named twice", "body")
    if unknown := set(header) - {*_TAKEN, *_IGNORED}:
        raise InvalidInput(f"{len(unknown)} columns are none of a contact's", "body")


def _row(number: int, header: list[str], cells: list[str]) -> CsvRow:
    if len(cells) != len(header):
        return CsvRow(number, {}, f"has {len(cells)} cells, the header {len(header)}")
    if max(map(len, cells)) > LONGEST_CELL:
        return CsvRow(number, {}, f"has a cell of more than {LONGEST_CELL} characters")
    said = zip(header, cells, strict=True)
    return CsvRow(number, {name: _unguarded(cell) for name, cell in said if name in _TAKEN and cell})


def _guarded(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue()
