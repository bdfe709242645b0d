"""An API as a real process, an issuer whose faults are switched while clients call, and what the clients saw."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from threading import Event, Lock

import httpx2

from shared.testing import FakeIssuer
from tests.e2e.processes import serving
from tests.support.databases import migrated
from tests.support.stack import stack_environment_for

#: Scaled down: keys are asked for several times a second, and once more 0.3 s after a failure or an unknown kid.
SCALED = {"CRM_JWKS_MIN_FRESH": "PT0.1S", "CRM_JWKS_MAX_FRESH": "PT0.2S", "CRM_JWKS_COOLDOWN": "PT0.3S"}
#: How long anything is waited for that must come, on however busy a machine.
PATIENCE = 60
#: Calls of one client in one phase, at most.
MOST_CALLS = 20_000
#: How many calls a client makes with one token.
CALLS_A_TOKEN = 20
CLIENTS, FORGERS = 3, 1


@dataclass
class Seen:
    """What the clients of one phase saw: each answer to a valid token with its seconds, and those to bad tokens."""

    good: list[tuple[int, float]] = field(default_factory=list)
    bad: list[tuple[str, int]] = field(default_factory=list)

    def wrong(self) -> list[tuple[str, int]]:
        """Return each answer to a valid token that was not 200, and each to a bad one that was not 401."""
        refused = [("valid", status) for status, _ in self.good if status != 200]
        return refused + [(kind, status) for kind, status in self.bad if status != 401]

    def latency(self) -> str:
        """Return the milliseconds of the calls with valid tokens."""
        cuts = quantiles([seconds * 1000 for _, seconds in self.good], n=100)
        return f"{len(self.good):6} calls   p50 {cuts[49]:8.1f} ms   p99 {cuts[98]:8.1f} ms"


@dataclass
class Storm:
    """What came of a storm: what clients saw beside it, its own answers, how often the keys were asked for."""

    seen: Seen
    answers: list[int]
    fetches: int
    seconds: float

    def most_fetches(self) -> int:
        """Return one fetch a cooldown, and the usual refreshes of what is fresh for five minutes (less a fifth)."""
        return 1 + int(self.seconds / 30) + int(self.seconds / 240)


@dataclass
class Drill:
    """The CRM at `address`, and its issuer, which can be stopped."""

    address: str
    issuer: FakeIssuer
    port: int
    _minting: Lock = field(default_factory=Lock)
    _served: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        """Let the issuer answer."""
        self._served.enter_context(self.issuer.serve(self.port))

    def stop(self) -> None:
        """Close the issuer's socket: who connects is refused."""
        self._served.close()

    def lets_in(self) -> bool:
        """Return whether keys and the status list have come: a good token is let in."""
        with self._http() as http:
            return self._call(http, self.token()) == 200

    def token(self) -> str:
        """Return a good token of the key that signs now."""
        with self._minting:
            return self.issuer.access_token()

    def bad_tokens(self) -> dict[str, str]:
        """Return tokens that are wrong in one thing each."""
        with self._minting:
            issuer, good = self.issuer, self.issuer.access_token()
            return {
                "forged": issuer.forged(good),
                "unsigned": issuer.unsigned(good),
                "keyed with the public key": issuer.hs256(good),
                "expired": issuer.access_token(expires_in=timedelta(seconds=-60)),
                "of another audience": issuer.access_token(aud="http://localhost:1"),
                "of another issuer": issuer.access_token(iss="http://localhost:1"),
                "of an unknown kid": next(issuer.random_kids(1)),
            }

    def rotate(self, over: Event) -> str:
        """Announce a key, sign with it a second later, and return its kid.

        The API has it by then: of three fetches since, the second began after it was announced, and has ended.
        """
        with self._minting:
            self.issuer.announce()
            announced = self.issuer.fetches
        over.wait(1)
        until(lambda: self.issuer.fetches >= announced + 3)
        with self._minting:
            self.issuer.rotate(keep_old=True)
            return self.issuer.kid

    def under(self, fault: str, seconds: float) -> Seen:
        """Let clients call while the issuer has a fault, or while all is quiet, and return what they saw."""
        issuer = self.issuer

        def asked(over: Event) -> None:
            """Go on until the API has met the fault: of two fetches since, the second began under it."""
            before = issuer.fetches
            over.wait(seconds)
            until(lambda: issuer.fetches >= before + 2)

        match fault:
            case "quiet":
                return self.calls(asked)
            case "stopped":
                self.stop()
                try:
                    return self.calls(lambda over: over.wait(seconds))
                finally:
                    self.start()
            case "slow":
                issuer.latency = timedelta(seconds=seconds / 2)
            case "garbage":
                issuer.garbage = True
            case "500":
                issuer.status = 500
            case "rotating":
                return self.calls(lambda over: self._rotating(over, seconds))
        try:
            return self.calls(asked)
        finally:
            issuer.latency, issuer.garbage, issuer.status = timedelta(0), False, 200

    def _rotating(self, over: Event, seconds: float) -> None:
        for _ in range(max(3, round(seconds))):
            self.rotate(over)

    def calls(self, work: Callable[[Event], object]) -> Seen:
        """Let clients call, valid tokens and bad ones, for as long as `work` takes, and return what they saw."""
        seen, over = Seen(), Event()
        with ThreadPoolExecutor(CLIENTS + FORGERS) as pool:
            running: list[Future[None]] = [pool.submit(self._client, seen, over) for _ in range(CLIENTS)]
            running += [pool.submit(self._forger, seen, over) for _ in range(FORGERS)]
            try:
                work(over)
            finally:
                over.set()
        for one in running:
            one.result()
        return seen

    def storm(self, count: int, threads: int = 3) -> Storm:
        """Send forged kids, each of which nobody has heard of, from several threads while clients call."""
        with self._minting:
            kids = list(self.issuer.random_kids(count))
        answers: list[int] = []

        def send(tokens: list[str]) -> None:
            with self._http() as http:
                answers.extend(self._call(http, token) for token in tokens)

        def rage(_: Event) -> None:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(send, (kids[number::threads] for number in range(threads))))

        fetches, started = self.issuer.fetches, time.perf_counter()
        seen = self.calls(rage)
        seconds = time.perf_counter() - started
        return Storm(seen, answers, self.issuer.fetches - fetches, seconds)

    def _client(self, seen: Seen, over: Event) -> None:
        with self._http() as http:
            for number in range(MOST_CALLS):
                if number % CALLS_A_TOKEN == 0:
                    token = self.token()
                started = time.perf_counter()
                status = self._call(http, token)
                seen.good.append((status, time.perf_counter() - started))
                if over.wait(0.005):
                    return

    def _forger(self, seen: Seen, over: Event) -> None:
        with self._http() as http:
            for _ in range(MOST_CALLS):
                for kind, token in self.bad_tokens().items():
                    seen.bad.append((kind, self._call(http, token)))
                if over.wait(0.05):
                    return

    def _call(self, http: httpx2.Client, token: str) -> int:
        return http.get("/api/contacts", headers={"Authorization": f"Bearer {token}"}).status_code

    def _http(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.address, timeout=PATIENCE, trust_env=False)


FAULTS = ("stopped", "slow", "garbage", "500", "rotating")


def until(reached: Callable[[], bool]) -> None:
    """Return once it is so; it must be before long."""
    started, pause = time.perf_counter(), Event()
    while not reached():
        assert time.perf_counter() - started < PATIENCE
        pause.wait(0.02)


@contextmanager
def drilled(directory: Path, settings: Mapping[str, str]) -> Iterator[Drill]:
    """Start the CRM and its issuer, and yield them once a valid token is let in."""
    environment = stack_environment_for(directory, settings)
    migrated("crm", f"sqlite:///{directory / 'crm.sqlite3'}").dispose()
    with socket.socket() as reserved, ExitStack() as running:
        # bound and not listening: nobody takes the port while the issuer is stopped
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        address = f"http://localhost:{environment['CRM_PORT']}"
        issuer = FakeIssuer(f"http://127.0.0.1:{port}", audience=[address])
        issuer.statuses.ttl = timedelta(seconds=1)
        drill = Drill(address, issuer, port)
        drill.start()
        running.callback(drill.stop)
        running.enter_context(serving("crm", environment | {"CRM_ISSUER": issuer.url}, directory / "crm.log"))
        until(drill.lets_in)
        yield drill
