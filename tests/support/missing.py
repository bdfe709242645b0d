"""What a test does when the machine lacks a program: it skips by name, and fails where CI=true.

`make test` lists those skips at its end (tests/conftest.py), so that nobody takes a short run for a whole one.
"""

import os
from typing import NoReturn

import pytest

_REASON = "missing "


def missing(program: str, remedy: str) -> NoReturn:
    """Skip the running test for want of `program`; with CI=true fail it. `remedy` says how to install it."""
    reason = f"{_REASON}{program}: {remedy}"
    if os.environ.get("CI") == "true":  # noqa: TID251 - read of the test run itself, not of the suite
        pytest.fail(f"{reason} (CI=true: nothing may be skipped)", pytrace=False)
    pytest.skip(reason)


def missing_program(reason: str) -> str | None:
    """Return the program that a skip's reason names, None for a skip of another kind."""
    _, found, rest = reason.partition(_REASON)
    return rest.partition(":")[0] if found else None
