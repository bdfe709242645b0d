"""Checks, their findings, and the report: a verdict a line, a remedy under each that is not ok."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from threading import Thread
from time import monotonic

from shared.errors import SuiteError

#: How long all checks together may take.
LIMIT = timedelta(seconds=20)

_LONGEST_LINE = 300
# to the last @ of the word: a password may hold anything
_USER_INFORMATION = re.compile(r"(?<=//)\S*@")


class Verdict(Enum):
    """What is printed; the value is the colour of a terminal."""

    OK = 32
    WARNING = 33
    FAIL = 31

    @property
    def word(self) -> str:
        return self.name if self is Verdict.FAIL else self.name.lower()


@dataclass(frozen=True)
class Finding:
    """What a check has to say, and what to do about it unless it is ok."""

    verdict: Verdict
    says: str
    remedy: str = ""


def ok(says: str) -> Finding:
    return Finding(Verdict.OK, says)


def warning(says: str, remedy: str) -> Finding:
    return Finding(Verdict.WARNING, says, remedy)


class Failed(SuiteError):
    """Raised inside a check: it fails, with this remedy."""

    def __init__(self, says: str, remedy: str = "") -> None:
        super().__init__(says)
        self.remedy = remedy


@dataclass(frozen=True)
class Check:
    """One line of the report. `remedy` is for an error that brings none of its own."""

    name: str
    look: Callable[[], Finding]
    remedy: str = ""

    def finding(self) -> Finding:
        """Look, and return the finding whatever happens."""
        try:
            return self.look()
        except Failed as failed:
            return Finding(Verdict.FAIL, str(failed), failed.remedy or self.remedy)
        except SuiteError as error:
            return Finding(Verdict.FAIL, str(error), self.remedy)
        except Exception as error:  # noqa: BLE001 - its message may hold anything, a password too: its kind is told
            return Finding(Verdict.FAIL, f"cannot be checked: {type(error).__name__}", self.remedy)


def examine(checks: Sequence[Check], limit: timedelta = LIMIT) -> list[tuple[str, Finding]]:
    """Return what each check finds, in order; all run at once, and none is waited for beyond `limit`."""
    found: dict[int, Finding] = {}

    def look(number: int, check: Check) -> None:
        found[number] = check.finding()

    # daemons: one that hangs does not keep the program
    threads = [Thread(target=look, args=pair, daemon=True) for pair in enumerate(checks)]
    for thread in threads:
        thread.start()
    deadline = monotonic() + limit.total_seconds()
    for thread in threads:
        thread.join(max(0.0, deadline - monotonic()))
    return [
        (check.name, found.get(number) or Finding(Verdict.FAIL, f"no answer in {limit.seconds} s", check.remedy))
        for number, check in enumerate(checks)
    ]


def render(service: str, report: Sequence[tuple[str, Finding]], *, colour: bool) -> list[str]:
    """Return the lines of the report, aligned; a remedy is printed below a line that is not ok."""
    width = max(len(name) for name, _ in report)
    lines = [f"{service} doctor"]
    for name, finding in report:
        word = f"{finding.verdict.word:<7}"
        shown = f"\x1b[{finding.verdict.value}m{word}\x1b[0m" if colour else word
        lines.append(f"  {shown}  {name:<{width}}  {printable(finding.says)}")
        if finding.remedy and finding.verdict is not Verdict.OK:
            lines.append(f"  {'':<7}  {'':<{width}}  -> {printable(finding.remedy)}")
    counted = [sum(finding.verdict is verdict for _, finding in report) for verdict in Verdict]
    return [*lines, f"  {counted[0]} ok, {counted[1]} to look at, {counted[2]} failed"]


def printable(text: str) -> str:
    """Return text that may go to a terminal: one line, no control characters, no user or password in a URL."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    plain = _USER_INFORMATION.sub("***@", plain)
    return plain if len(plain) <= _LONGEST_LINE else f"{plain[:_LONGEST_LINE]}..."
