"""What auth answers to hundreds of requests, good and bad, is what it answered before, to the byte.

The answers are in recorded/answers.json. When one is meant to change: `python -m tests.integration.auth.recorded`
records them anew, and the change is read in the difference.
"""

import difflib
import json
from pathlib import Path
from typing import Any

from tests.integration.auth.recorded.recorder import as_text
from tests.integration.auth.recorded.story import ANSWERS, played


def test_every_answer_is_as_recorded(tmp_path: Path) -> None:
    text = ANSWERS.read_text(encoding="utf-8")
    before, after = _by_name(json.loads(text)), played(tmp_path)
    changes = _changes(before, _by_name(after))
    assert not changes, "\n".join(["answers have changed:", *changes])
    assert as_text(after) == text, "the same answers in another order"


def _by_name(recorded: dict[str, Any]) -> dict[str, list[str]]:
    """Return each answer as lines, the order of its members kept."""
    return {
        f"{chapter} / {number}. {answer['name']}": as_text(answer).splitlines()
        for chapter, answers in recorded.items()
        for number, answer in enumerate(answers)
    }


def _changes(before: dict[str, list[str]], after: dict[str, list[str]]) -> list[str]:
    lines: list[str] = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, []), after.get(name, [])
        if old != new:
            lines += [f"== {name}", *list(difflib.unified_diff(old, new, n=2, lineterm=""))[2:]]
    return lines
