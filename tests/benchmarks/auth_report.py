"""The table of `make bench-auth`: on the terminal as it grows, then in docs/performance.md."""

import platform
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import text

from shared.clock import Clock
from shared.database import Database
from tests.benchmarks.paired import QUIET, Spread
from tests.benchmarks.processor import Cores

DOCUMENT = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- bench-auth writes from here -->", "<!-- to here -->"
_PACKAGES = ("fastapi", "uvicorn", "cryptography", "sqlalchemy", "psycopg")
_HEAD = ("goal", "must", "auth", "node", "ratio", "us", "PostgreSQL us", "signing", "A/A")


@dataclass(frozen=True)
class Row:
    """One line. `least`: whether `must` is the least ratio (of work for a CPU-second) or the greatest (of a cost)."""

    title: str
    must: float | None
    ours: Spread
    peer: Spread | None
    ratio: Spread | None
    least: bool = True
    microseconds: float | None = None
    database: float | None = None
    signing: float | None = None
    unquiet: int = 0
    controls: Spread | None = None

    def cells(self) -> list[str]:
        """Return the cells of the table, in the order of its head."""
        goal = "" if self.must is None else f"{'>=' if self.least else '<='} {self.must:g}"
        form = ",.0f" if self.ours.middle >= 10 else ".2f"
        controls = f"{self.controls:.2f}" if self.controls else ""
        unquiet = f", {self.unquiet} not quiet" if self.unquiet else ""
        return [
            self.title,
            goal,
            f"{self.ours:{form}}",
            f"{self.peer:{form}}" if self.peer else "",
            f"{self.ratio:.2f}" if self.ratio else "",
            f"{self.microseconds:,.0f}" if self.microseconds else "",
            f"{self.database:,.0f}" if self.database else "",
            f"{self.signing:.0%}" if self.signing else "",
            controls + unquiet,
        ]


@dataclass
class Report:
    """The rows so far, and what they were measured with."""

    rows: list[Row] = field(default_factory=list)
    conditions: str = ""

    def print_head(self, cores: Cores, database: Database, peer: str | None) -> None:
        """Say what is measured, with which versions, and name the columns."""
        with database.autocommit() as db:
            postgres = db.execute(text("SHOW server_version")).scalar_one().split()[0]
        packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
        against = f"node-oidc-provider {peer} on node {node}" if peer else "no peer"
        apart = "the server on a core of its own" if cores.apart else "one core for the server and the load"
        self.conditions = (
            f"{Clock().now():%Y-%m-%d}, {apart}. Python {platform.python_version()}, {packages}, PostgreSQL {postgres};"
            f" {against}."
        )
        print(f"{self.conditions}\n\n{_line(_HEAD)}", flush=True)

    def add(self, row: Row) -> None:
        """Keep a row, and print it."""
        self.rows.append(row)
        print(_line(row.cells()), flush=True)

    def print_foot(self) -> None:
        """Say which figures can't be believed."""
        noisy = [row.title for row in self.rows if row.unquiet]
        if noisy:
            print(f"\ngave up on an A/A of {QUIET[0]}-{QUIET[1]} in some rounds of: {'; '.join(noisy)}")

    def markdown(self) -> str:
        """Return the table as docs/performance.md has it."""
        lines = [_HEAD, ["---"] * len(_HEAD), *(row.cells() for row in self.rows)]
        table = "\n".join(f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines)
        return f"`make bench-auth`, {self.conditions}\n\n{table}\n"


def write_document(report: Report, document: Path = DOCUMENT) -> None:
    """Put the table between its two marks.

    Raises:
        ValueError: the document has no such marks.
    """
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document.name} has no marks for the table")
    document.write_text(f"{before}{begin}\n{report.markdown()}{end}{after}", encoding="utf-8")
    print(f"written to {document.name}")


def _line(cells: list[str] | tuple[str, ...]) -> str:
    widths = (36, 7, 24, 24, 18, 7, 14, 8, 20)
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
