"""A provider and both APIs in one small object, to be scripted: what the app must cope with, a real one rarely does.

Under a `httpx2.MockTransport` it needs no socket (unit tests); `served` puts it on a real loopback port.
"""

import base64
import hashlib
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.clock import Clock, epoch

KID = "key-1"


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """Return the private key of that name; made once, since making one is slow."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class ScriptedProvider:
    """Answers like a provider; tests change its fields to make it answer badly."""

    clock: Clock
    issuer: str = "http://localhost:9000"
    metadata: dict[str, Any] = field(default_factory=dict)  # overrides of the discovery document; None removes
    id_token_claims: dict[str, Any] = field(default_factory=dict)  # the same, for ID tokens
    id_token_header: dict[str, Any] = field(default_factory=dict)
    token_answer: dict[str, Any] = field(default_factory=dict)  # the same, for the answers of /token
    lifetime: int = 300
    signing_key: str = KID
    failures: dict[str, list[httpx2.Response]] = field(default_factory=dict)  # path -> answers to give first
    seen: Counter[str] = field(default_factory=Counter)  # requests by path, and refreshes that rotated
    revoked: list[str] = field(default_factory=list)
    refused_access_tokens: set[str] = field(default_factory=set)
    generation: int = 0
    next_generation: int = 1  # of the next sign-in: its refresh tokens differ from those of an earlier one
    family_alive: bool = True
    ends_by_revocation: bool = True  # whether what is revoked belongs to the family of the present generation
    hang_up_after: set[str] = field(default_factory=set)  # paths whose request is acted on and never answered

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, dict[str, str]] = {}

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        with self._lock:
            path = request.url.path
            self.seen[path] += 1
            if self.failures.get(path):
                return self.failures[path].pop(0)
            form = dict(parse_qsl(request.content.decode()))
            if path == "/.well-known/openid-configuration":
                return httpx2.Response(200, json=self._discovery())
            if path == "/jwks":
                jwk = jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key(self.signing_key).public_key(), as_dict=True)
                return httpx2.Response(200, json={"keys": [{**jwk, "kid": self.signing_key, "use": "sig"}]})
            if path == "/token":
                return self._token(form)
            if path == "/revoke":
                self.revoked.append(form["token"])
                self.family_alive = self.family_alive and not self.ends_by_revocation
                return httpx2.Response(200)
            return self._protected(path, request.headers.get("authorization", ""))

    def authorize(self, url: str, **changes: str | None) -> str:
        """Return the redirect that answers the authorization request `url`; `changes` spoil it."""
        asked = dict(parse_qsl(url.partition("?")[2]))
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.issuer, **changes}
        kept = {name: value for name, value in answer.items() if value is not None}
        return f"{asked['redirect_uri']}?{urlencode(kept)}"

    def _discovery(self) -> dict[str, Any]:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        }
        return _changed(document, self.metadata)

    def _token(self, form: dict[str, str]) -> httpx2.Response:
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"], None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
            if asked is None or asked["code_challenge"] != challenge.decode():
                return httpx2.Response(400, json={"error": "invalid_grant"})
            self.generation, self.family_alive = self.next_generation, True
            return self._grant(asked["nonce"])
        generation = int(form["refresh_token"].rpartition("-")[2])
        if not self.family_alive or generation < self.generation - 1:
            self.family_alive = False
            return httpx2.Response(400, json={"error": "invalid_grant"})
        if generation == self.generation:
            self.generation += 1
            self.seen["rotations"] += 1
        return self._grant(None)

    def _grant(self, nonce: str | None) -> httpx2.Response:
        now = epoch(self.clock.now())
        access_token = f"access-{self.generation}-{self.seen['/token']}-secret"
        digest = hashlib.sha256(access_token.encode()).digest()[:16]
        claims = {
            "iss": self.issuer,
            "sub": "alice",
            "aud": "mobile-app",
            "iat": now,
            "exp": now + 300,
            "auth_time": 1_000,
            "nonce": nonce,
            "name": "Alice Liddell",
            "at_hash": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        }
        id_token = jwt.encode(
            _changed(claims, self.id_token_claims),
            rsa_key(self.signing_key),
            "RS256",
            {"kid": self.signing_key, **self.id_token_header},
        )
        answer = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": self.lifetime,
            "refresh_token": f"refresh-secret-{self.generation}",
            "id_token": id_token,
            "scope": "openid crm:read",
        }
        return httpx2.Response(200, json=_changed(answer, self.token_answer))

    def _protected(self, path: str, authorization: str) -> httpx2.Response:
        scheme, _, access_token = authorization.partition(" ")
        if scheme != "Bearer" or not access_token or access_token in self.refused_access_tokens:
            return httpx2.Response(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        if path == "/userinfo":
            return httpx2.Response(200, json={"sub": "alice", "name": "Alice Liddell"})
        record = {"id": "1", "name": "Mad \x1b[31mHatter", "status": "draft", "total_minor": 5, "currency": "EUR"}
        return httpx2.Response(200, json={"items": [record], "next_cursor": None})


def _changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**document, **changes}.items() if value is not None}


@contextmanager
def served(provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """Serve `provider` on a real loopback port, which becomes its issuer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = httpx2.Request(
                self.command, f"{provider.issuer}{self.path}", headers=dict(self.headers), content=body
            )
            response = provider.handle(request)
            if request.url.path in provider.hang_up_after:
                self.close_connection = True
                return
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                self.send_header(name, value)
            if "content-length" not in response.headers:
                self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_POST = do_GET  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_args: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
