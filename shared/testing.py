"""FakeIssuer: an OpenID Provider's half of a test, for every team whose API accepts the suite's access tokens.

    clock = SettableClock()
    issuer = FakeIssuer("http://localhost:9000", clock=clock)
    app = create_app(settings, clock=clock, jwks_transport=issuer.transport())     # no socket
    headers = {"Authorization": f"Bearer {issuer.access_token(scope='crm:read')}"}

    with issuer.serve() as url:                                                    # or over a real one
        os.environ["CRM_JWKS_URL"] = url

Every claim can be replaced or left out, and so can every header: `access_token(aud="http://other", without=["jti"],
header={"typ": "JWT"})`. `sign` makes any JWT, an ID token among them; `unsigned` and `hs256` make the classic
forgeries. `rotate` changes the key, `outage` takes the issuer away, `fetches` counts.

Not for production: it signs whatever it is asked to.
"""

import base64
import functools
import hashlib
import hmac
import http.server
import json
import threading
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from shared.clock import Clock, epoch

ALICE, BOB, CAROL = (f"0190a1b0-0000-7000-8000-{end}" for end in ("000000000a11", "000000000b0b", "000000000ca0"))


class SettableClock(Clock):
    """Stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2030, 1, 1, 12, tzinfo=UTC)) -> None:
        super().__init__()
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, **step: float) -> None:
        """Move by a timedelta's arguments: `advance(seconds=31)`."""
        self._now += timedelta(**step)


class FakeIssuer:
    """An issuer with real RSA keys, a JWKS, and tokens as right or as wrong as a test wants them."""

    def __init__(
        self,
        url: str = "http://localhost:9000",
        *,
        audience: Iterable[str] = ("http://localhost:9001", "http://localhost:9002"),
        clock: Clock | None = None,
        lifetime: timedelta = timedelta(minutes=5),
    ) -> None:
        self.url = url
        self.audience = list(audience)
        self.clock = clock or Clock()
        self.lifetime = lifetime
        self.private_key = _private_key(0)
        #: What the JWKS address answers; tests may replace its parts.
        self.jwks: dict[str, Any] = {"keys": [public_jwk(self.private_key)]}
        self.status = 200
        self.cache_control = "public, max-age=300"
        #: True while nothing answers at the issuer's address.
        self.outage = False
        self.fetches = 0
        self._rotations = 0

    @property
    def kid(self) -> str:
        """The id of the key that signs now (RFC 7638)."""
        return str(public_jwk(self.private_key)["kid"])

    def rotate(self, *, keep_old: bool = False) -> None:
        """Sign with another key from now on; `keep_old` leaves the one before in the JWKS."""
        self._rotations += 1
        self.private_key = _private_key(self._rotations)
        old = self.jwks["keys"] if keep_old else []
        self.jwks = {"keys": [*old, public_jwk(self.private_key)]}

    def access_token(
        self,
        *,
        header: Mapping[str, Any] | None = None,
        without: Iterable[str] = (),
        expires_in: timedelta | None = None,
        **claims: Any,
    ) -> str:
        """Return an access token of alice (RFC 9068) by mobile-app.

        `claims` replace or add claims; `without` names claims and headers to leave out; `header` replaces headers.
        """
        now = self.clock.now()
        everything = {
            "iss": self.url,
            "sub": ALICE,
            "aud": self.audience,
            "client_id": "mobile-app",
            "scope": "openid crm:read crm:write orders:read orders:write",
            "iat": epoch(now),
            "exp": epoch(now + (expires_in or self.lifetime)),
            "jti": str(uuid.uuid4()),
            "auth_time": epoch(now),
            "acr": "urn:company:acr:1fa",
            "amr": ["pwd"],
            "sid": "0190a1b0-0000-7000-8000-00000000051d",
            "roles": [],
            "groups": ["sales"],
            **claims,
        }
        headers = {"typ": "at+jwt", "alg": "RS256", "kid": self.kid, **(header or {})}
        for name in without:
            everything.pop(name, None)
            headers.pop(name, None)
        return self.sign(headers, everything)

    def machine_token(self, client_id: str = "reports-job", **claims: Any) -> str:
        """Return an access token of a client that acts for itself (client_credentials)."""
        user_only = ("auth_time", "acr", "amr", "sid", "roles", "groups")
        return self.access_token(sub=f"client:{client_id}", client_id=client_id, without=user_only, **claims)

    def id_token(self, **claims: Any) -> str:
        """Return an ID token (OpenID Connect Core s2): signed by the same key, and no access token."""
        token = {"aud": "mobile-app", "nonce": "n", **claims}
        return self.access_token(header={"typ": "JWT"}, without=("client_id", "scope"), **token)

    def sign(self, header: Mapping[str, Any], claims: Any, *, key: rsa.RSAPrivateKey | None = None) -> str:
        """Return any header and claims as a JWT signed with RS256, by our key if no other is given."""
        signing_input = _signing_input(header, claims)
        signature = (key or self.private_key).sign(signing_input.encode(), padding.PKCS1v15(), SHA256())
        return f"{signing_input}.{_base64url(signature)}"

    def forged(self, token: str) -> str:
        """Return the token signed anew by a stranger's key, under the same kid."""
        header, claims = parts(token)
        return self.sign(header, claims, key=_private_key(-1))

    def unsigned(self, token: str) -> str:
        """Return the token with `alg: none` and no signature (RFC 8725 s2.1)."""
        header, claims = parts(token)
        return _signing_input({**header, "alg": "none"}, claims) + "."

    def hs256(self, token: str) -> str:
        """Return the token with `alg: HS256`, its HMAC keyed with our public key (RFC 8725 s2.1)."""
        header, claims = parts(token)
        signing_input = _signing_input({**header, "alg": "HS256"}, claims)
        pem = self.private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"{signing_input}.{_base64url(hmac.digest(pem, signing_input.encode(), 'sha256'))}"

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Return a transport that answers with our JWKS, whatever the address; no socket."""

        async def answer(request: httpx2.Request) -> httpx2.Response:
            self.fetches += 1
            if self.outage:
                raise httpx2.ConnectError("the issuer is away", request=request)

            async def body() -> AsyncIterator[bytes]:
                yield json.dumps(self.jwks).encode()

            return httpx2.Response(self.status, content=body(), headers={"Cache-Control": self.cache_control})

        return httpx2.MockTransport(answer)

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Serve the JWKS over a real socket on loopback, and yield its address."""
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = json.dumps(issuer.jwks).encode()
                self.send_response(503 if issuer.outage else issuer.status)
                self.send_header("Content-Type", "application/jwk-set+json")
                self.send_header("Cache-Control", issuer.cache_control)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                """Stay silent."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_address[1]}/.well-known/jwks.json"
            finally:
                server.shutdown()
                thread.join()


def public_jwk(private_key: rsa.RSAPrivateKey) -> dict[str, Any]:
    """Return the public half as a JWK, its kid the RFC 7638 thumbprint."""
    numbers = private_key.public_key().public_numbers()
    members = {
        "e": _base64url(numbers.e.to_bytes(3)),
        "kty": "RSA",
        "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)),
    }
    thumbprint = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**members, "use": "sig", "alg": "RS256", "kid": _base64url(thumbprint)}


def parts(token: str) -> tuple[dict[str, Any], Any]:
    """Return a JWT's header and claims, nothing verified."""
    header, claims, _ = token.split(".")
    return _decoded(header), _decoded(claims)


@functools.cache
def _private_key(number: int) -> rsa.RSAPrivateKey:
    """Return the numbered key; each is made once a process, for it takes a tenth of a second."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _signing_input(header: Mapping[str, Any], claims: Any) -> str:
    return f"{_base64url(json.dumps(header).encode())}.{_base64url(json.dumps(claims).encode())}"


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decoded(segment: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
