"""W: what `serve --workers N` gains. Refreshes a second on N cores against one worker on one.

Wall time, so it needs a quiet machine. Load and PostgreSQL share the server's cores on both sides: N cores of the whole
against one core of the whole, which is what a machine with N times the cores can give.
"""

import os

from tests.benchmarks.auth_process import AuthBackend
from tests.benchmarks.auth_rounds import refresh, refresh_tokens
from tests.benchmarks.load import measure
from tests.benchmarks.paired import spread
from tests.benchmarks.processor import children, pinned

_COUNT = 100


def measure_workers(backend: AuthBackend, workers: int, rounds: int) -> None:
    """Measure both in turn and print the ratio."""
    cores = sorted(os.sched_getaffinity(0))
    if workers > len(cores):
        print(f"bench-auth: {workers} workers need {workers} cores; here are {len(cores)}")
        return
    one, many = [], []
    for _ in range(rounds):
        one.append(_refreshes_a_second(backend, frozenset(cores[:1]), 1))
        many.append(_refreshes_a_second(backend, frozenset(cores[:workers]), workers))
    ratio = spread([after / before for before, after in zip(one, many, strict=True)])
    print(f"W refresh a second of wall time: one worker {spread(one):,.0f}, {workers} workers {spread(many):,.0f}")
    print(f"W ratio {ratio:.2f}, must {0.85 * workers:.2f}")


def _refreshes_a_second(backend: AuthBackend, cores: frozenset[int], workers: int) -> float:
    pid = backend.cluster.pid
    for process in (pid, *children(pid)):
        os.sched_setaffinity(process, cores)
    with backend.serving(cores, workers=workers) as auth, pinned(cores):
        rounds = [refresh(token) for token in refresh_tokens(auth)]
        measured = measure(auth.address, auth.pid, rounds, count=_COUNT)
        return measured.rounds / measured.seconds
