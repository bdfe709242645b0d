"""Whose processor time: what a process and a PostgreSQL have used, and on which cores a process may run."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cores:
    """The cores of the measured server, and those of everything else (load and PostgreSQL).

    They are the same where the machine has one.
    """

    server: frozenset[int]
    load: frozenset[int]

    @property
    def apart(self) -> bool:
        return self.server.isdisjoint(self.load)


def divided_cores() -> Cores:
    """Return the cores that this process may use: one for the server, the others for the load."""
    first, *others = sorted(os.sched_getaffinity(0))
    return Cores(frozenset({first}), frozenset(others or {first}))


@contextmanager
def pinned(cores: frozenset[int]) -> Iterator[None]:
    """Keep this thread on these cores; what it starts meanwhile (threads, processes) stays there for good."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process and all its threads, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def family_cpu_seconds(pid: int) -> float:
    """Return the time of a process and its children, ended ones included (those to a hundredth of a second).

    Of PostgreSQL's first process: the whole server. Of a supervisor: all its workers.
    """
    ended = sum(int(field) for field in _stat(pid)[15:17]) / _TICK
    return cpu_seconds(pid) + ended + sum(_still_there(child) for child in children(pid))


def children(pid: int) -> list[int]:
    """Return the pids of the processes that this one started and that still run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def resident_megabytes(pid: int) -> float:
    """Return what a process holds of the machine's memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _still_there(pid: int) -> float:
    try:
        return cpu_seconds(pid)
    except OSError:  # it has ended since
        return 0.0


def _stat(pid: int) -> list[str]:
    """Return the fields of proc(5) from the third on, at the index of the manual page minus 1; two are left empty."""
    return ["", "", *Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()]
