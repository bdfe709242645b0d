"""What is measured of an authorization server: each workload, as rounds over a connection, of ours and of the peer."""

import http.client
from dataclasses import dataclass

from tests.benchmarks.auth_process import CALLBACK, AuthProcess
from tests.benchmarks.load import CONNECTIONS, Round, basic, follow, get, post
from tests.benchmarks.node_peer import Peer
from tests.integration.auth.seeds import CHALLENGE, VERIFIER

MACHINE = basic("reports-job", "reports-job-secret-for-local-use-only")
PARAMETERS = (
    f"?response_type=code&client_id=bench-app&redirect_uri={CALLBACK}&state=s&nonce=n"
    f"&scope=openid%20offline_access%20crm:read&code_challenge={CHALLENGE}&code_challenge_method=S256"
)
AUTHORIZE, PEER_AUTHORIZE = f"/authorize{PARAMETERS}", f"/auth{PARAMETERS}"
JWKS, DISCOVERY = "/.well-known/jwks.json", "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Workload:
    """`must`: the goal for ours / peer. `count`: rounds on each connection. `signatures`: in each round."""

    name: str
    title: str
    must: float
    count: int
    signatures: int


WORKLOADS = (
    Workload("refresh", "A1 refresh, two signatures", 1.0, 100, 2),
    Workload("flow", "A2 code + PKCE flow, two requests", 0.9, 40, 2),
    Workload("cc", "A3 client_credentials", 1.05, 150, 1),
    Workload("jwks", "A5 JWKS", 1.0, 600, 0),
    Workload("discovery", "A5 discovery", 1.2, 600, 0),
)


def our_rounds(auth: AuthProcess) -> dict[str, list[Round]]:
    """Return the rounds of each workload, one a connection; signs in once for each."""
    return {
        "refresh": [refresh(token) for token in refresh_tokens(auth)],
        "flow": [code_flow(AUTHORIZE, {"SSO_SESSION": auth.session_cookie()}) for _ in range(CONNECTIONS)],
        "cc": [client_credentials(MACHINE)] * CONNECTIONS,
        "jwks": [get(JWKS)] * CONNECTIONS,
        "discovery": [get(DISCOVERY)] * CONNECTIONS,
    }


def peer_rounds(peer: Peer) -> dict[str, list[Round]]:
    """Return the same rounds as the peer knows them."""
    return {
        "refresh": [refresh(token) for token in peer.refresh_tokens],
        "flow": [code_flow(PEER_AUTHORIZE, {}) for _ in range(CONNECTIONS)],
        "cc": [client_credentials(basic("job", peer.secret))] * CONNECTIONS,
        "jwks": [get("/jwks")] * CONNECTIONS,
        "discovery": [get(DISCOVERY)] * CONNECTIONS,
    }


def client_credentials(client: dict[str, str]) -> Round:
    """Return a round: a token for a machine."""

    def one(connection: http.client.HTTPConnection) -> int:
        post(connection, "/token", {"grant_type": "client_credentials", "scope": "crm:read"}, client)
        return 1

    return one


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
        form = {"grant_type": "refresh_token", "client_id": "bench-app", "refresh_token": held}
        held = post(connection, "/token", form)["refresh_token"]
        return 1

    return one


def refresh_tokens(auth: AuthProcess) -> list[str]:
    """Sign in once for each connection."""
    connection = http.client.HTTPConnection(auth.address.removeprefix("http://"), timeout=60)
    found = []
    for _ in range(CONNECTIONS):
        answer, _ = follow(connection, AUTHORIZE, {"SSO_SESSION": auth.session_cookie()})
        found.append(post(connection, "/token", _redemption(answer["code"]))["refresh_token"])
    connection.close()
    return found


def _redemption(code: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "bench-app",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
