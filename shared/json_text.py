"""JSON as the services read it from their databases and write it into answers, the same on SQLite and PostgreSQL.

Spec: RFC 8259 s6, RFC 7493 s2.2 (a number is an integer of 64 bits or a double)

orjson does it in a tenth of the time, and refuses what the standard library takes: a number that no double holds (which
PostgreSQL keeps with all its digits), half a surrogate pair, nesting beyond 1,024. A row that was kept must not become
an internal error when it is read, so the standard library has the second try.
"""

import json
import sys
from typing import Any

import orjson

#: Characters of the longest integer of 64 bits.
_LONGEST_INTEGER = 20
_COMPACT = json.JSONEncoder(separators=(",", ":"))


def read_json(text: str | bytes) -> Any:
    """Return what a JSON text holds. A number beyond the doubles is the largest double with its sign.

    Raises:
        ValueError, RecursionError: it is not JSON, or nested deeper than Python's stack.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text, parse_int=_integer, parse_float=_double)


def write_json(content: Any) -> bytes:
    """Return a content as JSON without white space: UTF-8, or ASCII where orjson cannot write it.

    Raises:
        TypeError, ValueError: JSON has no word for it.
    """
    try:
        return orjson.dumps(content)
    except orjson.JSONEncodeError:
        return _COMPACT.encode(content).encode()


def _integer(digits: str) -> int | float:
    if len(digits) <= _LONGEST_INTEGER and -(2**63) <= (value := int(digits)) < 2**64:
        return value
    return _double(digits)


def _double(digits: str) -> float:
    return max(-sys.float_info.max, min(float(digits), sys.float_info.max))
