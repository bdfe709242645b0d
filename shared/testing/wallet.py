"""FakeWallet: a client's key, and DPoP proofs made with it, as right or as wrong as a test wants them.

Spec: RFC 9449 s4.2
"""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from shared.clock import Clock, epoch
from shared.testing.keys import base64url, signing_input

#: What can be wrong with a proof in itself, whatever the request: `FakeWallet.proof(fault=...)` makes each.
FAULTS = (
    "alg_hs256",
    "alg_none",
    "ath_of_another_token",
    "crit",
    "from_the_future",
    "giant_jwk",
    "htm",
    "htu",
    "jwk_of_another_key",
    "large_rsa",
    "no_ath",
    "no_htm",
    "no_htu",
    "no_iat",
    "no_jti",
    "no_jwk",
    "no_typ",
    "not_a_jwt",
    "old",
    "point_off_the_curve",
    "private_jwk",
    "repeated_claim",
    "signature",
    "small_rsa",
    "symmetric_jwk",
    "typ",
)
#: Those that only a request with an access token shows.
TOKEN_FAULTS = frozenset({"ath_of_another_token", "no_ath"})

_KEYS: Mapping[str, Any] = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "PS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
}
_LEFT_OUT = {"no_ath": "ath", "no_htm": "htm", "no_htu": "htu", "no_iat": "iat", "no_jti": "jti"}
_DAY = 86_400


@dataclass
class FakeWallet:
    """Holds a key. `clock`: what its proofs are dated by; `algorithm`: one of ES256, EdDSA, RS256 and PS256."""

    algorithm: str = "ES256"
    clock: Clock = field(default_factory=Clock)
    key: Any = None

    def __post_init__(self) -> None:
        self.key = self.key or _KEYS[self.algorithm]()

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half of the key."""
        return _jwk(self.algorithm, self.key.public_key())

    @property
    def jkt(self) -> str:
        """The thumbprint of the key (RFC 7638)."""
        text = json.dumps(self.jwk, separators=(",", ":"), sort_keys=True)
        return base64url(hashlib.sha256(text.encode()).digest())

    @property
    def cnf(self) -> dict[str, str]:
        """What a token that is bound to the key says: `issuer.access_token(cnf=wallet.cnf)`."""
        return {"jkt": self.jkt}

    def proof(
        self,
        method: str,
        address: str,
        *,
        access_token: str | None = None,
        nonce: str | None = None,
        fault: str | None = None,
        header: Mapping[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """Return a proof for one request. `fault`: one of FAULTS; `header` and `claims` replace or add members."""
        members: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": address,
            "iat": epoch(self.clock.now()),
        }
        if access_token is not None:
            members["ath"] = base64url(hashlib.sha256(access_token.encode()).digest())
        if nonce is not None:
            members["nonce"] = nonce
        headers = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.jwk, **(header or {})}
        members |= claims
        return self.signed(headers, members) if fault is None else self._faulty(fault, headers, members)

    def headers(self, method: str, address: str, access_token: str, **options: Any) -> dict[str, str]:
        """Return the two headers of a request to an API."""
        proof = self.proof(method, address, access_token=access_token, **options)
        return {"Authorization": f"DPoP {access_token}", "DPoP": proof}

    def signed(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Return header and claims, whatever they say, as a JWT signed with the key."""
        text = signing_input(header, claims)
        return f"{text}.{base64url(self.signature(text))}"

    def signature(self, text: str) -> bytes:
        """Return the signature of a text."""
        return jwt.get_algorithm_by_name(self.algorithm).sign(text.encode(), self.key)

    def _faulty(self, fault: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
        if fault not in FAULTS:
            raise ValueError(f"no fault is called {fault}")
        if fault in _LEFT_OUT:
            return self.signed(header, {name: value for name, value in claims.items() if name != _LEFT_OUT[fault]})
        if fault in _CLAIMS:
            return self.signed(header, {**claims, **_CLAIMS[fault](claims)})
        if fault in _HEADERS:
            header |= _HEADERS[fault](self.jwk)
            return self.signed({name: value for name, value in header.items() if value is not None}, claims)
        return _WHOLE[fault](self, header, claims)


def _another_signature(wallet: FakeWallet, header: dict[str, Any], claims: dict[str, Any]) -> str:
    text, _, encoded = wallet.signed(header, claims).rpartition(".")
    signature = bytearray(base64.urlsafe_b64decode(encoded + "=="))
    signature[10] ^= 1
    return f"{text}.{base64url(bytes(signature))}"


def _repeated_claim(wallet: FakeWallet, header: dict[str, Any], claims: dict[str, Any]) -> str:
    body = json.dumps(claims)[:-1] + ', "htm": "GET"}'
    text = f"{base64url(json.dumps(header).encode())}.{base64url(body.encode())}"
    return f"{text}.{base64url(wallet.signature(text))}"


def _without_signature(wallet: FakeWallet, header: dict[str, Any], claims: dict[str, Any]) -> str:
    text = signing_input({**header, "alg": "none"}, claims)
    return f"{text}.{base64url(wallet.signature(text))}"


def _by_a_shared_secret(_: FakeWallet, header: dict[str, Any], claims: dict[str, Any]) -> str:
    text = signing_input({**header, "alg": "HS256"}, claims)
    return f"{text}.{base64url(hmac.digest(json.dumps(header['jwk']).encode(), text.encode(), 'sha256'))}"


def _rsa_jwk(bits: int) -> dict[str, Any]:
    return {"alg": "RS256", "jwk": {"kty": "RSA", "e": "AQAB", "n": base64url(b"\xff" * (bits // 8))}}


_POINT = base64url(b"\x01" * 32)
#: The claims that a fault changes.
_CLAIMS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "htm": lambda claims: {"htm": "PUT" if claims["htm"] != "PUT" else "GET"},
    "htu": lambda claims: {"htu": f"{claims['htu']}/elsewhere"},
    "old": lambda claims: {"iat": claims["iat"] - _DAY},
    "from_the_future": lambda claims: {"iat": claims["iat"] + _DAY},
    "ath_of_another_token": lambda _: {"ath": base64url(hashlib.sha256(b"another").digest())},
}
#: The headers that a fault changes; None: left out.
_HEADERS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "typ": lambda _: {"typ": "JWT"},
    "no_typ": lambda _: {"typ": None},
    "no_jwk": lambda _: {"jwk": None},
    "crit": lambda _: {"crit": ["b64"], "b64": True},
    "private_jwk": lambda jwk: {"jwk": {**jwk, "d": base64url(bytes(range(32)))}},
    "symmetric_jwk": lambda _: {"jwk": {"kty": "oct", "k": base64url(bytes(32))}},
    "jwk_of_another_key": lambda _: {"alg": "ES256", "jwk": FakeWallet().jwk},
    "giant_jwk": lambda jwk: {"jwk": {**jwk, "x5c": ["A" * 10_000]}},
    "small_rsa": lambda _: _rsa_jwk(1024),
    "large_rsa": lambda _: _rsa_jwk(8192),
    "point_off_the_curve": lambda _: {"alg": "ES256", "jwk": {"kty": "EC", "crv": "P-256", "x": _POINT, "y": _POINT}},
}
#: Faults of the whole.
_WHOLE: Mapping[str, Callable[[FakeWallet, dict[str, Any], dict[str, Any]], str]] = {
    "alg_hs256": _by_a_shared_secret,
    "alg_none": _without_signature,
    "not_a_jwt": lambda *_: "not.a-jwt",
    "repeated_claim": _repeated_claim,
    "signature": _another_signature,
}


def _jwk(algorithm: str, key: Any) -> dict[str, Any]:
    members: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key, as_dict=True)
    return {name: value for name, value in members.items() if name in {"crv", "e", "kty", "n", "x", "y"}}
