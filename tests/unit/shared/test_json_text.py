"""JSON that a database keeps can be read, and what was read can be written: no row is an internal error."""

import json
import sys

import pytest

from shared.json_text import read_json, write_json

LARGEST = sys.float_info.max
DOCUMENTS = {
    "integers of 64 bits": ("[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)]),
    "one more than 64 bits": ("[18446744073709551616]", [float(2**64)]),
    "as many digits as a double has": ("1" + "0" * 308, 1e308),
    "more digits than a double has": ("9" * 400, LARGEST),
    "more digits than int() reads": ("[-" + "9" * 5000 + "]", [-LARGEST]),
    "a small number beside a huge one": (f"[1234567890123456789, {'9' * 400}]", [1234567890123456789, LARGEST]),
    "a huge exponent": ("1e400", LARGEST),
    "a tiny exponent": ("1e-400", 0.0),
    "half a surrogate pair": ('"\\ud800"', "\ud800"),
    "a name twice": ('{"a": 1, "a": 2}', {"a": 2}),
}


@pytest.mark.parametrize(("document", "value"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_what_orjson_refuses_is_read_all_the_same(document: str, value: object) -> None:
    assert read_json(document) == read_json(document.encode()) == value


@pytest.mark.parametrize("document", [document for document, _ in DOCUMENTS.values()], ids=DOCUMENTS)
def test_what_was_read_can_be_written_and_is_json(document: str) -> None:
    value = read_json(document)
    assert json.loads(write_json(value)) == value


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**400, "\ud800", {"\ud800": 1}], ids=ascii)
def test_what_orjson_cannot_write_is_written_all_the_same(value: object) -> None:
    assert json.loads(write_json(value)) == value


@pytest.mark.parametrize("document", ["", "{", "[1,]", "nonsense", "\ufeff1"], ids=ascii)
def test_what_is_no_json_is_refused(document: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|BOM"):
        read_json(document)


@pytest.mark.parametrize("depth", [200, 900])
def test_nesting_that_can_be_written_can_be_read(depth: int) -> None:
    nested = "[" * depth + "]" * depth
    assert write_json(read_json(nested)).decode() == nested
