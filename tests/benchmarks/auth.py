"""make bench-auth: what a token costs. Prints figures and asserts none of them.

A1 to A5 of the performance goals: rounds for each CPU-second of the server process (utime + stime), so neither the
load's own cost nor another program's counts. Beside each ratio stands an A/A control: the same workload measured twice.
The signing share is signatures x bare sign time / CPU of the process: how close it is to what the machine can do.
"""

import http.client
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.benchmarks.auth_process import AuthProcess, auth_process
from tests.benchmarks.load import (
    CONNECTIONS,
    Measured,
    Round,
    basic,
    follow,
    get,
    latency_while,
    measure,
    post,
    resident_megabytes,
)
from tests.benchmarks.node_packages import NoPeer
from tests.benchmarks.node_peer import Peer, node_peer
from tests.integration.auth.seeds import CHALLENGE, VERIFIER
from tests.support.postgres import NoPostgres

CALLBACK = "https://app.company.localhost/callback"
MACHINE = basic("reports-job", "reports-job-secret-for-local-use-only")
PARAMETERS = (
    f"?response_type=code&client_id=mobile-app&redirect_uri={CALLBACK}&state=s&nonce=n"
    f"&scope=openid%20offline_access%20crm:read&code_challenge={CHALLENGE}&code_challenge_method=S256"
)
AUTHORIZE, PEER_AUTHORIZE = f"/authorize{PARAMETERS}", f"/auth{PARAMETERS}"
JWKS, DISCOVERY = "/.well-known/jwks.json", "/.well-known/openid-configuration"


def bare_sign_seconds(count: int = 300) -> float:
    """Return what one RSA-2048 signature costs this machine at this moment, by itself."""
    key = rsa.generate_private_key(65537, 2048)
    before = time.process_time()
    for _ in range(count):
        key.sign(b"x" * 600, padding.PKCS1v15(), hashes.SHA256())
    return (time.process_time() - before) / count


def client_credentials(connection: http.client.HTTPConnection) -> int:
    post(connection, "/token", {"grant_type": "client_credentials", "scope": "crm:read"}, MACHINE)
    return 1


def code_flow(authorize: str, cookies: dict[str, str]) -> Round:
    """Return a round: an authorization from the session (no page is shown), and the code redeemed with PKCE."""

    def one(connection: http.client.HTTPConnection) -> int:
        answer, requests = follow(connection, authorize, cookies)
        post(connection, "/token", _redemption(answer["code"]))
        return requests + 1

    return one


def refresh(token: str) -> Round:
    """Return a round: a rotation of one family, each with the token that the one before it gave."""
    held = token

    def one(connection: http.client.HTTPConnection) -> int:
        nonlocal held
        form = {"grant_type": "refresh_token", "client_id": "mobile-app", "refresh_token": held}
        held = post(connection, "/token", form)["refresh_token"]
        return 1

    return one


def _redemption(code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "mobile-app",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }


def refresh_tokens(auth: AuthProcess) -> list[str]:
    """Sign in once for each connection."""
    connection = http.client.HTTPConnection(auth.address.removeprefix("http://"), timeout=60)
    found = []
    for _ in range(CONNECTIONS):
        answer, _ = follow(connection, AUTHORIZE, {"SSO_SESSION": auth.session_cookie()})
        found.append(post(connection, "/token", _redemption(answer["code"]))["refresh_token"])
    connection.close()
    return found


def run(auth: AuthProcess) -> dict[str, Measured]:
    """Measure every workload twice and print a line each."""
    idle = resident_megabytes(auth.pid)
    tokens = refresh_tokens(auth)
    flows = [code_flow(AUTHORIZE, {"SSO_SESSION": auth.session_cookie()}) for _ in range(CONNECTIONS)]
    workloads: dict[str, tuple[list[Round], int, int]] = {  # rounds, how often, signatures a round
        "A1 refresh, 2 signatures": ([refresh(token) for token in tokens], 150, 2),
        "A2 code + PKCE flow": (flows, 60, 2),
        "A3 client_credentials": ([client_credentials] * CONNECTIONS, 200, 1),
        "A5 JWKS": ([get(JWKS)] * CONNECTIONS, 400, 0),
        "A5 discovery": ([get(DISCOVERY)] * CONNECTIONS, 400, 0),
    }
    print(
        f"\n{'auth, durable on PostgreSQL':28} {'per CPU-s':>10} {'us/round':>9} {'requests':>9}"
        f" {'A/A':>6} {'signing':>8}"
    )
    found = {}
    for name, (rounds, count, signatures) in workloads.items():
        sign = bare_sign_seconds()
        first, second = (measure(auth.address, auth.pid, rounds, count=count) for _ in range(2))
        share = f"{signatures * sign / second.cpu_per_round:8.0%}" if signatures else f"{'-':>8}"
        control = first.per_cpu_second / second.per_cpu_second
        print(
            f"{name:28} {second.per_cpu_second:10.0f} {second.cpu_per_round * 1e6:9.0f}"
            f" {second.requests / second.rounds:9.1f} {control:6.2f} {share}"
        )
        found[name] = second
    print(f"bare RSA-2048 signature: {bare_sign_seconds() * 1e6:.0f} us")
    _print_process(auth.address, JWKS, flows, auth.start_seconds, idle, auth.pid)
    return found


def _print_process(address: str, jwks: str, flows: list[Round], start: float, idle: float, pid: int) -> None:
    p99 = latency_while(address, jwks, flows, seconds=5)
    loaded = resident_megabytes(pid)
    print(f"A6 JWKS p99 while {CONNECTIONS} connections sign in: {p99 * 1e3:.0f} ms (wall time: other load counts)")
    print(f"M1 RSS idle {idle:.0f} MiB, after load {loaded:.0f} MiB; M2 spawn to first 200: {start:.2f} s")


def compare(ours: dict[str, Measured], peer: Peer) -> None:
    """Measure the peer's workloads and print the ratios."""

    def job(connection: http.client.HTTPConnection) -> int:
        post(connection, "/token", {"grant_type": "client_credentials", "scope": "crm:read"}, basic("job", peer.secret))
        return 1

    idle = resident_megabytes(peer.pid)
    flows = [code_flow(PEER_AUTHORIZE, {}) for _ in range(CONNECTIONS)]
    workloads: dict[str, tuple[list[Round], int]] = {
        "A1 refresh, 2 signatures": ([refresh(token) for token in peer.refresh_tokens], 150),
        "A2 code + PKCE flow": (flows, 60),
        "A3 client_credentials": ([job] * CONNECTIONS, 200),
        "A5 JWKS": ([get("/jwks")] * CONNECTIONS, 400),
        "A5 discovery": ([get(DISCOVERY)] * CONNECTIONS, 400),
    }
    print(f"\n{'node-oidc-provider, in memory':28} {'per CPU-s':>10} {'A/A':>6} {'ours / peer':>12}")
    for name, (rounds, count) in workloads.items():
        first, second = (measure(peer.address, peer.pid, rounds, count=count) for _ in range(2))
        control, ratio = first.per_cpu_second / second.per_cpu_second, ours[name].per_cpu_second / second.per_cpu_second
        print(f"{name:28} {second.per_cpu_second:10.0f} {control:6.2f} {ratio:12.2f}")
    _print_process(peer.address, "/jwks", flows, peer.start_seconds, idle, peer.pid)


def main() -> None:
    """Run all of it."""
    try:
        with auth_process() as auth:
            ours = run(auth)
    except NoPostgres as missing:
        print(f"bench-auth: skipped, no PostgreSQL: {missing}")
        return
    try:
        with node_peer() as peer:
            compare(ours, peer)
    except NoPeer as missing:
        print(f"\nno peer: {missing}")


if __name__ == "__main__":
    main()
