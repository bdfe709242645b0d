"""The processor time of a process and its children, as the kernel counts it."""

import os
import subprocess
import sys

from tests.benchmarks.processor import cpu_seconds, divided_cores, family_cpu_seconds, pinned

_BURN = "import time\nwhile time.process_time() < 0.2: pass"


def test_the_time_of_this_process_grows_with_its_work() -> None:
    before = cpu_seconds(os.getpid())
    sum(range(200_000))
    assert cpu_seconds(os.getpid()) > before


def test_a_child_that_has_ended_still_counts() -> None:
    before = family_cpu_seconds(os.getpid())
    subprocess.run([sys.executable, "-c", _BURN], check=True)
    assert family_cpu_seconds(os.getpid()) - before > 0.15


def test_what_is_started_while_pinned_stays_there() -> None:
    core = divided_cores().server
    with pinned(core):
        told = subprocess.run(
            [sys.executable, "-c", "import os; print(sorted(os.sched_getaffinity(0)))"],
            capture_output=True,
            text=True,
            check=True,
        )
    assert told.stdout.strip() == str(sorted(core))
