"""make bench-bearer, its second half: what a protected API costs, whole processes over loopback, against its peers.

R3 of the performance goals: CPU-seconds of the server process (utime + stime, all threads) for each request, 2,000
RS256 access tokens rotating. Rounds alternate between the servers and the least of them counts: what else the machine
did is nobody's. The A/A control beside a figure is its odd rounds against its even ones. Ours reads status lists as
well, the peers know no revocation. Asserts nothing about time.
"""

import http.client
import itertools
import time
from collections.abc import Sequence
from contextlib import ExitStack
from urllib.parse import urlsplit

from shared.testing import ALICE, FakeIssuer
from tests.benchmarks.bearer_servers import EXPRESS, FASTIFY, OURS, Server, our_server, peer_servers
from tests.benchmarks.load import CONNECTIONS, Measured, Round, measure
from tests.benchmarks.node_packages import NoPeer
from tests.integration.test_bearer_example import NOTES

TOKENS, ROUNDS, TURNS = 2_000, 6, 2  # in a round each token is sent twice: the kernel counts in hundredths of a second
LONGEST = 150  # seconds after which no round begins: tokens live for 15 minutes
_BODY = f'["a note of {ALICE}"]'.encode()
_GOALS = {EXPRESS: "2", FASTIFY: "0.7"}


def ask(connection: http.client.HTTPConnection, token: str) -> tuple[int, bytes]:
    """Return status and body of one request."""
    connection.request("GET", "/notes", headers={"Authorization": f"Bearer {token}"})
    response = connection.getresponse()
    return response.status, response.read()


def rotating(tokens: Sequence[str]) -> Round:
    """Return a round: one request with the next of the tokens."""
    following = itertools.cycle(tokens)

    def one(connection: http.client.HTTPConnection) -> int:
        status, body = ask(connection, next(following))
        if (status, body) != (200, _BODY):
            raise RuntimeError(f"status {status}: {body[:200]!r}")
        return 1

    return one


def check_refusals(server: Server, issuer: FakeIssuer, good: str) -> None:
    """Look that it verifies at all: one that lets anybody in is not a peer.

    Raises:
        RuntimeError: it answers other than 401 to a forged token and to one for another API, or 403 to another scope.
    """
    scopeless, elsewhere = issuer.access_token(scope="other"), issuer.access_token(aud="https://other.example")
    connection = http.client.HTTPConnection(str(urlsplit(server.address).netloc), timeout=60)
    found = [ask(connection, token)[0] for token in (issuer.forged(good), elsewhere, scopeless)]
    connection.close()
    if found != [401, 401, 403]:
        raise RuntimeError(f"{server.name} answers {found} to tokens that it must refuse")


def rounds_of(servers: Sequence[Server], tokens: Sequence[str]) -> dict[str, list[Measured]]:
    """Ask every server in turn; the first round warms up and does not count."""
    found: dict[str, list[Measured]] = {server.name: [] for server in servers}
    end = time.monotonic() + LONGEST
    for number in range(ROUNDS + 1):
        if time.monotonic() > end and number > 2:
            break
        for server in servers:
            shares = [rotating(tokens[start::CONNECTIONS]) for start in range(CONNECTIONS)]
            measured = measure(server.address, server.pid, shares, count=TURNS * TOKENS // CONNECTIONS)
            if number > 0:
                found[server.name].append(measured)
    return found


def microseconds(rounds: Sequence[Measured]) -> float:
    """Return CPU time per request in the least of the rounds."""
    return 1e6 * min(measured.cpu_per_round for measured in rounds)


def main() -> None:
    """Print a line for each server, with R3."""
    issuer = FakeIssuer("https://sso.example", audience=[NOTES])
    with ExitStack() as started:
        address = started.enter_context(issuer.serve())
        servers = [started.enter_context(our_server(issuer.url, address))]
        try:
            servers += started.enter_context(peer_servers(issuer.url, address))
        except NoPeer as missing:
            print(f"\nno peer: {missing}")
        tokens = [issuer.access_token(scope="notes:read") for _ in range(TOKENS)]
        for server in servers:
            check_refusals(server, issuer, tokens[0])
        found = rounds_of(servers, tokens)
    ours = microseconds(found[OURS])
    print(f"\nCPU of the server process over loopback: the least of {len(found[OURS])} rounds of {TOKENS} tokens\n")
    print(f"  {'':<28}{'us/request':>10} {'A/A':>6} {'ours / peer':>12}")
    for name, rounds in found.items():
        cost, control = microseconds(rounds), microseconds(rounds[::2]) / microseconds(rounds[1::2])
        goal = f" {cost / ours:12.2f}   R3 goal: at least {_GOALS[name]}" if name in _GOALS else ""
        print(f"  {name:<28}{cost:10.1f} {control:6.2f}{goal}")


if __name__ == "__main__":
    main()
