"""What makes a DPoP proof good: form, key, method, address, time and token, and the signature last.

Spec: RFC 9449 s4.2, s4.3, s8, s11.1, RFC 8725 s3

Everything that costs little is looked at before a signature is computed. A nonce of ours says when the proof was made
better than the client's clock does: with one, `iat` is not looked at, so that a wrong clock keeps nobody out. Does NOT
know whether the proof was used before: whoever accepts it writes its `id` down until `good_until`.
"""

import base64
import functools
import hashlib
import hmac
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

import jwt

from shared.clock import epoch, moment
from shared.dpop.jwk import KINDS, BadKey, PublicKey, decoded, public_key, public_members, thumbprint
from shared.dpop.nonces import Nonces

#: Characters of the longest proof that is looked at; one with an RSA key of 4096 bits takes some 3,000.
MAX_LENGTH = 8192
#: How long a proof is good after its `iat`, and what clocks may differ by. With a nonce: for as long as that is.
LIFETIME, LEEWAY = timedelta(seconds=60), timedelta(seconds=30)

_COMPACT_JWS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_MAX_JTI = 512
_LATEST = 10**12  # seconds, which a float holds exactly
_DEFAULT_PORTS = {"https": 443, "http": 80}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")


class BadProof(Exception):
    """A proof that is none. `reason` is one word for the metrics; a caller is never told it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NonceNeeded(Exception):
    """A proof without a nonce of ours that is good: the client makes another one with the nonce that it is given."""


@dataclass(frozen=True)
class Proof:
    """A good proof. `jkt`: the thumbprint of its key. `id`: 32 bytes, its own among those of all keys."""

    jkt: str
    id: bytes
    good_until: datetime


@dataclass(frozen=True)
class _Holder:
    """Whose proof it claims to be. `algorithm`: PyJWT's, which computes the signature and nothing else."""

    algorithm: Any
    key: PublicKey
    jkt: str


@dataclass(frozen=True)
class ProofRules:
    """What one server demands. `nonces`: None: it gives none. `require_nonce`: of every proof, not late ones alone."""

    nonces: Nonces | None = None
    require_nonce: bool = False

    def verify(self, text: str, *, method: str, address: str, now: datetime, access_token: str | None = None) -> Proof:
        """Return what a proof shows, if it was made for this request: `address` is the public one, without a query.

        `access_token`: that of the request, at a protected resource.

        Raises:
            BadProof: it shows nothing.
            NonceNeeded: it has to hold a nonce of ours, and holds none that is good.
        """
        if len(text) > MAX_LENGTH:
            raise BadProof("too_large")
        if _COMPACT_JWS.fullmatch(text) is None:
            raise BadProof("not_a_jwt")
        encoded_header, encoded_claims, encoded_signature = text.split(".")
        holder = _holder(encoded_header)
        claims = _object(encoded_claims)
        _require_made_for(claims, method, address, access_token)
        good_until = self._good_until(claims, now)
        signed = f"{encoded_header}.{encoded_claims}".encode()
        if not holder.algorithm.verify(signed, holder.key, _decoded(encoded_signature)):
            raise BadProof("signature")
        proof_id = hashlib.sha256(f"{holder.jkt}.{claims['jti']}".encode()).digest()
        return Proof(holder.jkt, proof_id, good_until)

    def _good_until(self, claims: dict[str, Any], now: datetime) -> datetime:
        nonce = claims.get("nonce")
        if self.nonces is not None and nonce is not None:
            until = self.nonces.good_until(nonce, now) if isinstance(nonce, str) else None
            if until is None:
                raise NonceNeeded
            return until
        if self.require_nonce:
            raise NonceNeeded
        seconds = epoch(now)
        earliest, latest = seconds - (LIFETIME + LEEWAY).total_seconds(), seconds + LEEWAY.total_seconds()
        if earliest < claims["iat"] <= latest:
            return moment(claims["iat"]) + LIFETIME + LEEWAY
        if self.nonces is not None:
            raise NonceNeeded
        raise BadProof("iat")


def access_token_hash(access_token: str) -> str:
    """Return the `ath` of a proof that comes with this token (RFC 9449 s4.2)."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@functools.lru_cache(maxsize=1024)
def _holder(encoded_header: str) -> _Holder:
    """Return what a header says, which is the same in every proof of a client. One that is refused is not kept.

    Raises:
        BadProof: it is not a header of a proof; what it says of its key was looked at before anything was made of it.
    """
    header = _object(encoded_header)
    algorithm = header.get("alg")
    if header.get("typ") != "dpop+jwt":
        raise BadProof("typ")
    if not isinstance(algorithm, str) or algorithm not in KINDS:
        raise BadProof("alg")
    if "crit" in header:
        raise BadProof("crit")
    try:
        members = public_members(header.get("jwk"), algorithm)
        key = public_key(algorithm, members)
    except BadKey as error:
        raise BadProof("jwk") from error
    return _Holder(jwt.get_algorithm_by_name(algorithm), key, thumbprint(algorithm, members))


def _require_made_for(claims: dict[str, Any], method: str, address: str, access_token: str | None) -> None:
    jti, issued_at = claims.get("jti"), claims.get("iat")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI or not jti.isascii():
        raise BadProof("jti")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float) or not abs(issued_at) <= _LATEST:
        raise BadProof("iat")
    if claims.get("htm") != method:
        raise BadProof("htm")
    target = claims.get("htu")
    if not isinstance(target, str) or (target != address and (_normal(target) or target) != _normal(address)):
        raise BadProof("htu")
    if access_token is not None:
        hashed = claims.get("ath")
        expected = access_token_hash(access_token)
        if not isinstance(hashed, str) or not hashed.isascii() or not hmac.compare_digest(hashed, expected):
            raise BadProof("ath")


def _normal(address: str) -> tuple[str, str, int | None, str] | None:
    """Return an address as RFC 3986 s6.2.2 and s6.2.3 compare them, without query and fragment; None: it is none."""
    try:
        parts: SplitResult = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    return scheme, host, port or _DEFAULT_PORTS[scheme], _ESCAPE.sub(_plainest, parts.path) or "/"


def _plainest(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character in _UNRESERVED else escape[0].upper()


def _object(encoded: str) -> dict[str, Any]:
    try:
        content = _JSON.decode(_decoded(encoded).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadProof("not_json") from error
    if not isinstance(content, dict):
        raise BadProof("not_json")
    return content


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


_JSON = json.JSONDecoder(object_pairs_hook=_unique_members)


def _decoded(encoded: str) -> bytes:
    try:
        return decoded(encoded)
    except BadKey as error:
        raise BadProof("not_a_jwt") from error
