"""FakeIssuer: real keys, a key set, status lists, and tokens as right or as wrong as a test wants them.

Spec: RFC 9068 s2, RFC 7517 s5
"""

import hmac
import json
import re
import secrets
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import httpx2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from shared.bearer.status.status_list import MEDIA_TYPE, SHARD_SIZE
from shared.clock import Clock, epoch
from shared.testing.keys import base64url, parts, private_key, public_jwk, sign, signing_input
from shared.testing.statuses import FakeStatuses
from shared.testing.wire import Answer, served, transport_of

ALICE, BOB, CAROL = (f"0190a1b0-0000-7000-8000-{end}" for end in ("000000000a11", "000000000b0b", "000000000ca0"))

_SHARD = re.compile(r".*/status/(\d{1,9})")


class FakeIssuer:
    """An issuer with real RSA keys, a JWKS, status lists, and tokens as right or as wrong as a test wants them."""

    def __init__(
        self,
        url: str = "http://localhost:9000",
        *,
        audience: Iterable[str] = ("http://localhost:9001", "http://localhost:9002"),
        clock: Clock | None = None,
        lifetime: timedelta = timedelta(minutes=15),
    ) -> None:
        #: The bits of the status lists, and how they are bent.
        self.statuses = FakeStatuses(url)
        self.audience = list(audience)
        self.clock = clock or Clock()
        self.lifetime = lifetime
        self.private_key = private_key(0)
        #: What the JWKS address answers; tests may replace its parts.
        self.jwks: dict[str, Any] = {"keys": [public_jwk(self.private_key)]}
        self.cache_control = "public, max-age=300"
        #: Faults. True while nothing answers at the issuer's address; then the status, the body and the delay of
        #: every answer.
        self.outage = False
        self.status = 200
        self.garbage = False
        self.latency = timedelta(0)
        #: How often each kind of document was asked for.
        self.fetches = 0
        self.status_fetches = 0
        self._rotations = 0
        self._signed: dict[int, tuple[object, str]] = {}

    @property
    def url(self) -> str:
        """The issuer's name: `iss`, and the start of its status lists' names."""
        return self.statuses.url

    @url.setter
    def url(self, url: str) -> None:
        self.statuses.url = url

    @property
    def kid(self) -> str:
        """The id of the key that signs now (RFC 7638)."""
        return str(public_jwk(self.private_key)["kid"])

    def announce(self) -> None:
        """Put the key into the JWKS that `rotate(keep_old=True)` will sign with."""
        self.jwks = {"keys": [*self.jwks["keys"], public_jwk(private_key(self._rotations + 1))]}

    def rotate(self, *, keep_old: bool = False) -> None:
        """Sign with another key from now on; `keep_old` leaves the ones before in the JWKS."""
        self._rotations += 1
        self.private_key = private_key(self._rotations)
        own = public_jwk(self.private_key)
        old = [jwk for jwk in self.jwks["keys"] if jwk != own] if keep_old else []
        self.jwks = {"keys": [*old, own]}

    def flood_key_set(self, count: int = 10_000) -> None:
        """Put `count` keys of random kids into the JWKS, beside the good ones."""
        jwk = public_jwk(private_key(-1))
        self.jwks = {"keys": [*self.jwks["keys"], *({**jwk, "kid": secrets.token_urlsafe(8)} for _ in range(count))]}

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
            "status": self.statuses.claim(secrets.randbelow(SHARD_SIZE)),
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
        return self.access_token(header={"typ": "JWT"}, without=("client_id", "scope", "status"), **token)

    def revoke(self, token: str) -> None:
        """Set the token's bit in its status list. APIs learn of it when they next look."""
        self.statuses.set(parts(token)[1], self.clock.now())

    def sign(self, header: Mapping[str, Any], claims: Any, *, key: rsa.RSAPrivateKey | None = None) -> str:
        """Return any header and claims as a JWT signed with RS256, by our key if no other is given."""
        return sign(header, claims, key or self.private_key)

    def forged(self, token: str) -> str:
        """Return the token signed anew by a stranger's key, under the same kid."""
        header, claims = parts(token)
        return self.sign(header, claims, key=private_key(-1))

    def random_kids(self, count: int = 10_000) -> Iterator[str]:
        """Yield tokens that are good but for their kids, each of which nobody has heard of."""
        header, claims = parts(self.access_token())
        signature = self.access_token().rpartition(".")[2]  # no key is found, so that none has to fit
        for _ in range(count):
            yield f"{signing_input({**header, 'kid': secrets.token_urlsafe(16)}, claims)}.{signature}"

    def unsigned(self, token: str) -> str:
        """Return the token with `alg: none` and no signature (RFC 8725 s2.1)."""
        header, claims = parts(token)
        return signing_input({**header, "alg": "none"}, claims) + "."

    def hs256(self, token: str) -> str:
        """Return the token with `alg: HS256`, its HMAC keyed with our public key (RFC 8725 s2.1)."""
        header, claims = parts(token)
        text = signing_input({**header, "alg": "HS256"}, claims)
        pem = self.private_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"{text}.{base64url(hmac.digest(pem, text.encode(), 'sha256'))}"

    def transport(self) -> httpx2.AsyncBaseTransport:
        """Return a transport that answers with our documents, whatever the host; no socket."""
        return transport_of(self)

    def serve(self, port: int = 0) -> AbstractContextManager[str]:
        """Serve our documents over a real socket on loopback; the context is its address, to be used as base."""
        return served(self, port)

    def answer(self, path: str) -> Answer:
        """Return the status list that `path` names, or the key set, or what a fault puts in its place."""
        shard = _SHARD.fullmatch(path)
        if shard is None:
            self.fetches += 1
        else:
            self.status_fetches += 1
        if self.status != 200 or self.garbage:
            return Answer(self.status, b"\x00<html>garbage", {"Content-Type": "text/html"})
        if shard is not None:
            body, kind, keep = self._status_list(int(shard[1])), MEDIA_TYPE, "public, max-age=15"
        else:
            body, kind, keep = json.dumps(self.jwks), "application/jwk-set+json", self.cache_control
        return Answer(200, body.encode(), {"Content-Type": kind, "Cache-Control": keep})

    def _status_list(self, number: int) -> str:
        """Return the shard, signed anew when it, the key or a bend has changed, and at half its life."""
        statuses, now = self.statuses, self.clock.now()
        half_lives = int(now.timestamp() / (statuses.lifetime.total_seconds() / 2))
        shard = statuses.shard(number, now)
        state = (shard.version, self.kid, statuses.key, str((statuses.claims, statuses.header)), half_lives)
        signed_for, token = self._signed.get(number, (None, ""))
        if signed_for != state:
            token = statuses.signed(number, self.private_key, now)
            self._signed[number] = (state, token)
        return token
