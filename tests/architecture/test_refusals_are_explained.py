"""Each refusal that log, audit trail and metrics name is explained to the operator."""

import re
from pathlib import Path

from services.auth.audit import Refusal

TABLE = Path(__file__).parents[2] / "docs" / "runbooks" / "refusals.md"


def test_every_name_is_in_the_table_with_what_to_do() -> None:
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+) \| (.+) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    explained = {name for name, happened, remedy in rows if happened.strip() and remedy.strip()}
    assert explained == {*Refusal}
