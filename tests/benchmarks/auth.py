"""make bench-auth: what a token costs, beside node-oidc-provider. Prints a table and asserts none of it.

A1 to A5 of the performance goals: rounds for each CPU-second of the server process (user and system time), so neither
the load's own cost nor another program's counts; PostgreSQL's time is beside it. The server has a core of its own where
there are two. Rounds are in pairs (`paired.py`). The signing share is signatures x bare sign time / CPU of the process:
how close it is to what the machine can do. A full run writes its table into docs/performance.md.
"""

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.benchmarks.auth_process import AuthBackend, AuthProcess, auth_backend
from tests.benchmarks.auth_report import Report, Row, write_document
from tests.benchmarks.auth_rounds import JWKS, WORKLOADS, Workload, our_rounds, peer_rounds
from tests.benchmarks.load import Round, latency_while, measure
from tests.benchmarks.node_packages import NoPeer
from tests.benchmarks.node_peer import NodePeer, Peer, node_peer
from tests.benchmarks.paired import joined, measure_pairs, spread
from tests.benchmarks.processor import Cores, divided_cores, pinned, resident_megabytes
from tests.benchmarks.workers import measure_workers
from tests.support.postgres import NoPostgres

PROCESS_ROWS = ("latency", "memory", "start")
EVERYTHING = (*(workload.name for workload in WORKLOADS), *PROCESS_ROWS)


@dataclass(frozen=True)
class Plan:
    """How thorough a run is: rounds, how often an unquiet one is measured, and a factor on each workload's size."""

    rounds: int
    tries: int
    size: float
    only: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return set(EVERYTHING) <= set(self.only)


FULL, QUICK = Plan(7, 4, 1, EVERYTHING), Plan(3, 2, 0.5, ("refresh", "flow", "cc", "jwks"))


def bare_sign_seconds(cores: Cores, count: int = 200) -> float:
    """Return what one RSA-2048 signature costs the server's core at this moment, by itself."""
    key = rsa.generate_private_key(65537, 2048)
    with pinned(cores.server):
        before = time.thread_time()
        for _ in range(count):
            key.sign(b"x" * 600, padding.PKCS1v15(), hashes.SHA256())
        return (time.thread_time() - before) / count


@dataclass
class Bench:
    """Both servers, running, and what has been found of them."""

    plan: Plan
    cores: Cores
    backend: AuthBackend
    auth: AuthProcess
    peer: Peer | None
    report: Report = field(default_factory=Report)

    def run(self) -> None:
        """Measure what the plan names; each row is printed as soon as it is known."""
        idle = resident_megabytes(self.auth.pid), resident_megabytes(self.peer.pid) if self.peer else None
        with pinned(self.cores.load):
            ours = our_rounds(self.auth)
            peers = peer_rounds(self.peer) if self.peer else {}
            for workload in WORKLOADS:
                if workload.name in self.plan.only:
                    self.report.add(self._row(workload, ours[workload.name], peers.get(workload.name)))
            if "latency" in self.plan.only:
                self._latency(ours["flow"], peers.get("flow"))
        if "memory" in self.plan.only:
            loaded = resident_megabytes(self.auth.pid), resident_megabytes(self.peer.pid) if self.peer else None
            self.report.add(_plain("M1 memory idle, MiB", 1.3, [idle], least=False))
            self.report.add(_plain("M1 memory after load, MiB", 0.8, [loaded], least=False))

    def _row(self, workload: Workload, ours: list[Round], peers: list[Round] | None) -> Row:
        count = max(1, round(workload.count * self.plan.size))
        mine = partial(
            measure, self.auth.address, self.auth.pid, ours, count=count, database_pid=self.backend.cluster.pid
        )
        other = None
        if self.peer and peers:
            other = partial(measure, self.peer.address, self.peer.pid, peers, count=count)
            other()  # node compiles what is hot
        mine()
        sign = median(bare_sign_seconds(self.cores) for _ in range(3))
        pairs = measure_pairs(mine, other, rounds=self.plan.rounds, tries=self.plan.tries)
        whole = joined(*(part for pair in pairs for part in pair.ours))
        per_second = spread([joined(*pair.ours).per_cpu_second for pair in pairs])
        return Row(
            title=workload.title,
            must=workload.must,
            ours=per_second,
            peer=spread([joined(*pair.peer).per_cpu_second for pair in pairs if pair.peer]) if other else None,
            ratio=spread([pair.ratio for pair in pairs]) if other else None,
            microseconds=1e6 / per_second.middle,
            database=1e6 * whole.database_cpu / whole.rounds,
            signing=workload.signatures * sign * per_second.middle or None,
            unquiet=sum(not pair.quiet for pair in pairs),
            controls=spread([control for pair in pairs for control in pair.controls]),
        )

    def _latency(self, ours: list[Round], peers: list[Round] | None) -> None:
        found: list[tuple[float, float | None]] = []
        for _ in range(3):
            mine = 1e3 * latency_while(self.auth.address, JWKS, ours, seconds=4)
            other = 1e3 * latency_while(self.peer.address, "/jwks", peers, seconds=4) if self.peer and peers else None
            found.append((mine, other))
        self.report.add(_plain("A6 JWKS p99 while eight sign in, ms of wall time (goal: 25 ms)", None, found, False))


def measure_start(backend: AuthBackend, peer: NodePeer | None, cores: Cores, rounds: int) -> Row:
    """Return from spawn to the first 200, in turn; wall time, both on the server's core."""
    found: list[tuple[float, float | None]] = []
    for _ in range(rounds):
        with backend.serving(cores.server) as auth:
            mine = auth.start_seconds
        if peer is None:
            found.append((mine, None))
            continue
        with peer.serving(cores.server) as other:
            found.append((mine, other.start_seconds))
    return _plain("M2 spawn to the first 200, s of wall time", 2.5, found, least=False)


def _plain(title: str, must: float | None, found: list[tuple[float, float | None]], least: bool) -> Row:
    """Return a row of figures that are not CPU time: the lower the better, ratio ours / peer."""
    peers = [other for _, other in found if other is not None]
    return Row(
        title=title,
        must=must,
        least=least,
        ours=spread([mine for mine, _ in found]),
        peer=spread(peers) if peers else None,
        ratio=spread([mine / other for mine, other in found if other is not None]) if peers else None,
    )


def main() -> None:
    """Run what the command line names."""
    arguments = _arguments()
    plan = QUICK if arguments.quick else FULL
    only = tuple(arguments.only.split(",")) if arguments.only else plan.only
    plan = Plan(arguments.rounds or plan.rounds, plan.tries, plan.size, only)
    cores = divided_cores()
    with ExitStack() as stack:
        try:
            backend = stack.enter_context(auth_backend(cores.load))
        except NoPostgres as missing:
            print(f"bench-auth: skipped, no PostgreSQL: {missing}")
            return
        if arguments.workers:
            measure_workers(backend, arguments.workers, plan.rounds)
            return
        node = None if arguments.alone else _node(stack)
        with ExitStack() as running:
            auth = running.enter_context(backend.serving(cores.server))
            peer = running.enter_context(node.serving(cores.server)) if node else None
            bench = Bench(plan, cores, backend, auth, peer)
            bench.report.print_head(cores, backend.database, node.version if node else None)
            bench.run()
        if "start" in plan.only:
            bench.report.add(measure_start(backend, node, cores, plan.rounds))
    bench.report.print_foot()
    if plan.complete and node and not arguments.quick:
        write_document(bench.report)


def _node(stack: ExitStack) -> NodePeer | None:
    try:
        return stack.enter_context(node_peer())
    except NoPeer as missing:
        print(f"no peer: {missing}")
        return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-auth", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two or three minutes: fewer rounds, no document")
    parser.add_argument("--only", help=f"rows, by commas: {','.join(EVERYTHING)}")
    parser.add_argument("--rounds", type=int, help="pairs of each row")
    parser.add_argument("--alone", action="store_true", help="without the peer")
    parser.add_argument("--workers", type=int, help="nothing but W: this many workers on as many cores, against one")
    arguments = parser.parse_args()
    unknown = set((arguments.only or EVERYTHING[0]).split(",")) - set(EVERYTHING)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    main()
