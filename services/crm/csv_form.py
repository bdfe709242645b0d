"""The form of a CSV file as people's programs write it: its encoding, its separator, and what its columns mean.

Spec: RFC 4180, RFC 7111; Policy: ADR-0048
A file says its encoding by a mark at its beginning, else it is UTF-8 if all of it reads as UTF-8, else Windows-1252, of
which Latin-1 is a part. Its separator is the one by which most columns of the first line are known.
"""

import codecs
import csv
import re
import unicodedata
from dataclasses import dataclass
from typing import BinaryIO

from shared.errors import InvalidInput

#: Characters of one row: cells of every column, each in quotes. Reading stops at a longer one.
LONGEST_ROW = 16_384

#: Characters of a column's name that is looked up; a longer one is none that is known.
_LONGEST_NAME = 64

_CHUNK = 1 << 16
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: Charsets that a media type may name, and the codec of each.
CHARSETS = {
    "utf-8": "utf-8-sig",
    "us-ascii": "utf-8-sig",
    "utf-16": "utf-16",
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
}
_SEPARATORS = ",;\t|"
#: Excel writes this line before the header, and takes it for itself.
_SAYS_SEPARATOR = re.compile(r"sep=([,;\t|])\r?\n?")

#: What columns are called, without case, spaces and signs.
_MEMBERS = {
    "id": "id contactid",
    "name": "name fullname displayname contact contactname",
    "first_name": "firstname givenname forename",
    "last_name": "lastname surname familyname",
    "email": "email emailaddress mail email1value primaryemail",
    "phone": "phone phonenumber telephone telephonenumber tel mobile mobilephone cellphone phone1value primaryphone",
    "company_id": "companyid",
    "": "createdat updatedat deletedat deletedby owner ownersub ownerteam version",  # not the caller's to say
}
_MEANINGS = {word: member for member, words in _MEMBERS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: its separator, the member that each column means ("": none), and the lines before the rows."""

    separator: str
    members: tuple[str, ...]
    lines: int


def sniff_encoding(file: BinaryIO) -> str:
    """Return the codec of the file, and leave it at its beginning."""
    beginning = file.read(3)
    file.seek(0)
    for mark, codec in _MARKS:
        if beginning.startswith(mark):
            return codec
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    finally:
        file.seek(0)
    return "utf-8"


def read_header(first: str, second: str) -> Header:
    """Return what the first lines say; the second one counts if the first names a separator alone.

    Raises:
        InvalidInput: no column for a name, one named twice, or one that a contact has not.
    """
    said = _SAYS_SEPARATOR.fullmatch(first)
    line, separators = (second, said[1]) if said else (first, _SEPARATORS)
    read = {separator: _meanings(line, separator) for separator in separators}
    separator = max(separators, key=lambda one: sum(meaning is not None for meaning in read[one].values()))
    meanings = read[separator]
    if not {"name", "first_name", "last_name"} & set(meanings.values()):
        raise InvalidInput("the first line must name the columns, name among them", "body")
    if unknown := sum(meaning is None for meaning in meanings.values()):
        raise InvalidInput(f"{unknown} columns are none of a contact's", "body")
    if len(meanings) < len(_cells(line, separator)):
        raise InvalidInput("a column is named twice", "body")
    return Header(separator, tuple(meaning or "" for meaning in meanings.values()), 2 if said else 1)


def _meanings(line: str, separator: str) -> dict[str, str | None]:
    """Return the columns and what each means, None if that is not known."""
    words = map(_word, _cells(line, separator))
    return {word: _MEANINGS.get(word) for word in words}


def _word(cell: str) -> str:
    """Return what a column is called, to be looked up. The time of NFKC grows with the square of a run of marks."""
    if len(cell) > _LONGEST_NAME:
        return cell
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", cell).casefold())


def _cells(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])
