"""FakeIssuer: an OpenID Provider's half of a test, for every team whose API accepts the suite's access tokens.

    clock = SettableClock()
    issuer = FakeIssuer("http://localhost:9000", clock=clock)
    api = ProtectedApi.from_settings("crm", settings, scopes, clock=clock, transport=issuer.transport())   # no socket
    headers = {"Authorization": f"Bearer {issuer.access_token(scope='crm:read')}"}

    with issuer.serve() as url:                                                    # or over a real one
        os.environ |= {"CRM_JWKS_URL": f"{url}/.well-known/jwks.json", "CRM_STATUS_BASE_URL": url}

    wallet = FakeWallet(clock=clock)                                               # a client with a key (RFC 9449)
    token = issuer.access_token(cnf=wallet.cnf)
    headers = wallet.headers("GET", "http://localhost:9001/contacts", token)

docs/bearer.md lists what can be bent. Not for production: it signs whatever it is asked to.
"""

from shared.testing.clock import SettableClock
from shared.testing.issuer import ALICE, BOB, CAROL, FakeIssuer
from shared.testing.keys import parts, public_jwk
from shared.testing.statuses import FakeStatuses
from shared.testing.wallet import FakeWallet

__all__ = ["ALICE", "BOB", "CAROL", "FakeIssuer", "FakeStatuses", "FakeWallet", "SettableClock", "parts", "public_jwk"]
