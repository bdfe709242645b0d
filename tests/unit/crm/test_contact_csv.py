import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.crm import contact_csv, csv_form
from services.crm.contact_csv import CsvRow, csv_line, header_line
from services.crm.contacts import ContactDetails
from services.crm.records import new_record
from shared.api.reach import Owner
from shared.errors import InvalidInput

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def read_rows(file: bytes, codec: str | None = None) -> Iterator[CsvRow]:
    return contact_csv.read_rows(io.BytesIO(file), codec)


def exported(name: str) -> bytes:
    contact = new_record(ContactDetails(name), Owner("alice", None), NOON)
    return (header_line() + csv_line(contact)).encode()


def cells(file: bytes) -> list[str]:
    return list(csv.reader(io.StringIO(file.decode(), newline="")))[1]


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+44", "-x", "@sum", "\tx", "\rx", "\n=x", "\uff1d1", "\uff0bx", "\uff0dx", "\uff20x", "'=x", "''+x"],
)
def test_no_spreadsheet_runs_a_cell_as_a_formula(name: str) -> None:
    assert cells(exported(name))[1] == f"'{name}"


@pytest.mark.parametrize("name", ["Mad Hatter", "a=b", "'quoted'", "O'Brien", 'two\nlines, "quoted"'])
def test_other_cells_go_out_as_they_are(name: str) -> None:
    assert cells(exported(name))[1] == name


@given(st.text(min_size=1, max_size=100))
def test_what_was_exported_can_be_imported(name: str) -> None:
    name = name.encode("utf-8", "ignore").decode() or "x"
    (row,) = read_rows(exported(name))
    assert row.members == {"name": name}


def test_owner_and_times_are_ignored_and_the_id_is_told() -> None:
    file = b"id,owner,owner_sub,owner_team,created_at,updated_at,version,name\n1,2,3,4,5,6,7,Mad Hatter\n"
    assert list(read_rows(file)) == [CsvRow(2, {"name": "Mad Hatter"}, id="1")]


def test_a_mark_at_the_beginning_crlf_and_empty_lines_are_taken() -> None:
    assert list(read_rows(b"\xef\xbb\xbfName , EMAIL\r\nx,\r\n\r\ny,a@b\r\n")) == [
        CsvRow(2, {"name": "x"}, empty=frozenset({"email"})),
        CsvRow(4, {"name": "y", "email": "a@b"}),  # the row that a spreadsheet shows
    ]


def test_a_row_with_a_fault_of_form_is_told_and_the_others_read() -> None:
    rows = list(read_rows(f"name,email\nx\n{'y' * 1001},\nz,\n".encode()))
    assert [row.fault is None for row in rows] == [False, False, True]
    assert [row.number for row in rows] == [2, 3, 4]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"email\nx@y\n",
        b"name,name\nx,y\n",
        b"name,is_admin\nx,yes\n",
        b"\xff\xfename\n",
        b'name\n"never closed\n',
        b'name\n"a"b\n',
        b"name\n" + b'"' + b"x" * 200_000,
        b"name\n" + b"\n" * 50_001,
    ],
)
def test_a_file_that_is_none_is_refused(file: bytes) -> None:
    with pytest.raises(InvalidInput):
        list(read_rows(file))


def test_rows_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_csv, "MOST_ROWS", 2)
    assert len(list(read_rows(b"name\na\nb\n"))) == 2
    with pytest.raises(InvalidInput, match="more than 2 rows"):
        list(read_rows(b"name\na\nb\nc\n"))


@given(st.binary(max_size=300))
def test_no_bytes_bring_it_down(file: bytes) -> None:
    try:
        rows = list(read_rows(b"name,email\n" + file))
    except InvalidInput:
        return
    assert all(set(row.members) <= {"name", "email"} for row in rows)


@pytest.mark.parametrize(
    "file",
    [b"name" + b"," * 100_000, b"name\n" + b"," * 100_000, b"name\n" + b'"\n",' * 50_000, b"name\n" + b"x" * 100_000],
)
def test_a_row_without_end_is_not_read_to_its_end(file: bytes) -> None:
    """20 MB of commas are a row of 20 million cells: hundreds of megabytes, at each of the imports at a time."""
    with pytest.raises(InvalidInput, match=f"a row of more than {csv_form.LONGEST_ROW}"):
        list(read_rows(file))


def test_a_row_of_the_longest_cells_is_read() -> None:
    columns = ("name", "email", "phone", "company_id", "owner", "version")
    row = ",".join(f'"{"x" * contact_csv.LONGEST_CELL}"' for _ in columns)
    (found,) = read_rows(f"{','.join(columns)}\n{row}\n".encode())
    assert found.fault is None


def test_the_limit_is_of_one_row_and_not_of_them_all() -> None:
    assert len(list(read_rows(b"name\n" + b"x\n" * 20_000))) == 20_000


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Full Name;E-Mail\r\nKäthe Groß;k@tea.example\r\n".encode("cp1252"), "Käthe Groß"),
        ("Full Name;E-Mail\r\nKäthe Groß;k@tea.example\r\n".encode("utf-8-sig"), "Käthe Groß"),
        ("name\temail\nZoë\tk@tea.example\n".encode("utf-16"), "Zoë"),
        (b"sep=;\r\nname;email\r\nx;k@tea.example\r\n", "x"),
        (b"First Name,Last Name,E-mail Address\nMad,Hatter,k@tea.example\n", "Mad Hatter"),
        ("\u200bName | Email_Address\n€uro|k@tea.example\n".encode(), "€uro"),
        (b"Last name,E-mail 1 - Value,Contact\nHatter,k@tea.example,\n", "Hatter"),
    ],
)
def test_what_peoples_programs_write_is_read(file: bytes, name: str) -> None:
    (row,) = read_rows(file)
    assert row.members == {"name": name, "email": "k@tea.example"}
    assert row.number == 2


@pytest.mark.parametrize(
    ("file", "codec"),
    [("name\nKäthe\n".encode("latin-1"), "utf-8-sig"), (b"name\n\x81\n", None), (b"\xff\xfen\0a\0m\0e\0\n\0x", None)],
)
def test_a_file_in_no_encoding_or_another_than_was_said_is_refused(file: bytes, codec: str | None) -> None:
    with pytest.raises(InvalidInput, match="not "):
        list(read_rows(file, codec))


def test_a_file_can_be_read_twice() -> None:
    file = io.BytesIO("name\nKäthe\n".encode("cp1252"))
    assert list(contact_csv.read_rows(file)) == list(contact_csv.read_rows(file)) != []
