"""docs/errors.md and the APIs agree on the codes of problems: what a program branches on is written down."""

import re
from pathlib import Path

from shared.problem_codes import BY_STATUS, TYPE_PREFIX, ProblemCode

DOCS = Path(__file__).parents[2] / "docs" / "errors.md"


def documented() -> set[str]:
    """Return the codes in the first column of the table of problems."""
    section = DOCS.read_text(encoding="utf-8").partition("## Problems: crm and orders")[2].partition("\nChallenges")[0]
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]*\d{3}", section, re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`(\w+)`", row)}


def test_every_code_is_documented_and_no_other() -> None:
    assert documented() == set(ProblemCode)


def test_the_documents_name_the_type_that_problems_have() -> None:
    assert f"`{TYPE_PREFIX}<code>`" in DOCS.read_text(encoding="utf-8")


def test_a_status_stands_for_one_case() -> None:
    assert len(set(BY_STATUS.values())) == len(BY_STATUS)
