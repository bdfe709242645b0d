"""The app's key, and the proofs by which it shows at each request that its tokens are its own.

The key is made for the first sign-in that binds its tokens, kept beside them (`TokenStore.key`), and forgotten at
sign-out. On a phone it belongs into the hardware.
Spec: RFC 9449 s4, s7.1, s8, s9, s10; Policy: ADR-0102
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from typing import Any

import httpx2
import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec

from mobile.errors import SignInRequired, StoreError
from mobile.network import origin, send
from mobile.store import TokenStore
from shared.clock import Clock, epoch

ALGORITHM = "ES256"
_KEY_BYTES = 32
#: RFC 9449 s8.1: a nonce is visible ASCII without quotes.
_LONGEST_NONCE = 512


class Prover:
    """Makes the proofs of one app, and remembers the nonces that servers gave it, while this lives."""

    def __init__(self, store: TokenStore, http: httpx2.Client, clock: Clock) -> None:
        self._store = store
        self._http = http
        self._clock = clock
        self._nonces: dict[str, str] = {}

    def thumbprint(self) -> str:
        """Return the thumbprint of the key (RFC 7638), which is made if there is none. With the store's lock held.

        Raises:
            StoreError: it cannot be kept, or what is kept is not a key.
        """
        if self._store.key() is None:
            self._store.keep_key(_written(ec.generate_private_key(ec.SECP256R1())))
        text = json.dumps(_public(self._key()), separators=(",", ":"), sort_keys=True)
        return _base64url(hashlib.sha256(text.encode()).digest())

    def send(self, build: Callable[[], httpx2.Request], access_token: str | None = None) -> httpx2.Response:
        """Send the request that `build` makes, and once more if its server asks for a nonce.

        Each sending has a proof of its own: what may have been received must never be sent twice.

        Raises:
            SignInRequired: the key is gone, and with it the sign-in.
            Offline: as `network.send`.
        """
        response = self._once(build, access_token)
        if response.status_code in {400, 401} and self._is_asked_for_a_nonce(response):
            response = self._once(build, access_token)
        return response

    def _once(self, build: Callable[[], httpx2.Request], access_token: str | None) -> httpx2.Response:
        request = build()
        request.headers["DPoP"] = self._proof(request.method, str(request.url), access_token)
        response = send(self._http, request)
        nonce = response.headers.get("dpop-nonce", "")
        if nonce and len(nonce) <= _LONGEST_NONCE and nonce.isascii() and nonce.isprintable():
            self._nonces[origin(str(request.url))] = nonce
        return response

    def _is_asked_for_a_nonce(self, response: httpx2.Response) -> bool:
        if "dpop-nonce" not in response.headers:
            return False
        return "use_dpop_nonce" in response.headers.get("www-authenticate", "") or '"use_dpop_nonce"' in response.text

    def _proof(self, method: str, url: str, access_token: str | None) -> str:
        key = self._key()
        claims: dict[str, Any] = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": url.partition("?")[0].partition("#")[0],
            "iat": epoch(self._clock.now()),
        }
        if access_token is not None:
            claims["ath"] = _base64url(hashlib.sha256(access_token.encode()).digest())
        if (nonce := self._nonces.get(origin(url))) is not None:
            claims["nonce"] = nonce
        return jwt.encode(claims, key, ALGORITHM, {"typ": "dpop+jwt", "jwk": _public(key)})

    def _key(self) -> ec.EllipticCurvePrivateKey:
        text = self._store.key()
        if text is None:
            raise SignInRequired("the key of this sign-in is gone; sign in again")
        return _read(text)


def _written(key: ec.EllipticCurvePrivateKey) -> str:
    return _base64url(key.private_numbers().private_value.to_bytes(_KEY_BYTES))


def _read(text: str) -> ec.EllipticCurvePrivateKey:
    try:
        raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
        key = ec.derive_private_key(int.from_bytes(raw), ec.SECP256R1()) if len(raw) == _KEY_BYTES else None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if key is None:
        raise StoreError("the key beside the tokens is damaged; `logout` removes it, then sign in again")
    return key


def _public(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    x, y = (_base64url(value.to_bytes(_KEY_BYTES)) for value in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
