"""What is wrong with a client's metadata, as sentences that say what to change.

Spec: RFC 7591 s2 (names), OpenID Connect RP-Initiated Logout s3, OpenID Connect Back-Channel Logout s2.2, RFC 7517 s4
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from jwt import PyJWK, PyJWTError

from services.auth.clients.redirect_uris import redirect_uri_fault, without_loopback_port
from services.auth.clients.registration import PublicJwk
from services.auth.opaque_token import unb64url

_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS = range(2048, 4097)
_MOST_KEYS = 10
#: What a client may sign its assertions with, by the kind of its key.
ASSERTION_ALGORITHMS: Mapping[str, tuple[str, ...]] = {"RSA": ("RS256", "PS256"), "EC": ("ES256",)}

#: Names of RFC 7591 and its kin that this provider has no use for, and what to do instead.
_NOT_HERE = {
    "jwks_uri": "keys are registered by value: write them into jwks",
    "request_uris": "request objects are not supported; remove it (pushed authorization requests are)",
    "request_object_signing_alg": "request objects are not supported; remove it",
    "sector_identifier_uri": "subjects are public; remove it",
    "subject_type": "subjects are public; remove it",
    "id_token_signed_response_alg": "ID tokens are signed with RS256; remove it",
    "userinfo_signed_response_alg": "userinfo answers are JSON; remove it",
    "id_token_encrypted_response_alg": "ID tokens are not encrypted; remove it",
    "frontchannel_logout_uri": "logout travels by the back channel: use backchannel_logout_uri",
    "tls_client_certificate_bound_access_tokens": "tokens are bound by DPoP: use dpop_bound_access_tokens",
    "initiate_login_uri": "sign-in begins at the client; remove it",
    "contacts": "not kept here; remove it",
    "client_uri": "not shown here; remove it",
    "software_id": "not kept here; remove it",
    "software_version": "not kept here; remove it",
}


def unknown_name_fault(name: str, known: Collection[str]) -> str:
    """Return what to write instead of a name that means nothing here."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    if plain in _NOT_HERE:
        return _NOT_HERE[plain]
    near = difflib.get_close_matches(plain, sorted(known), n=1, cutoff=0.7)
    return f"is not a known name; did you mean {near[0]}?" if near else "is not a known name; remove it"


def doubled_address_fault(uris: Iterable[str]) -> str | None:
    """Return which address is there twice, and what to change; None: none is.

    Exact strings are different strings, but a loopback address stands for its every port (RFC 8252 s7.3).
    """
    seen: dict[str, str] = {}
    for uri in uris:
        plain = without_loopback_port(uri)
        before = seen.get(plain)
        if before == uri:
            return f"{uri!r} is there twice; remove one"
        if before is not None:
            return f"{uri!r} is {before!r} with another port, and a loopback address stands for every port; remove one"
        seen[plain] = uri
    return None


def return_address_fault(uri: str, application_type: str, *, allow_undotted_scheme: bool, local: bool) -> str | None:
    """Return what is wrong with an address that browsers are sent back to, after sign-in or logout; None: nothing."""
    if fault := redirect_uri_fault(uri, allow_undotted_scheme=allow_undotted_scheme, local=local):
        return fault
    if application_type == "web" and urlsplit(uri).scheme not in {"http", "https"}:
        return f"{uri}: a private-use scheme is a native client's; set application_type native, or use https"
    return None


def backchannel_logout_uri_fault(uri: str, *, local: bool) -> str | None:
    """Return what is wrong with the address that logout tokens are posted to; None: nothing.

    Does not look where its name leads: that is checked at each delivery.
    """
    if fault := redirect_uri_fault(uri, allow_undotted_scheme=False, local=local):
        return fault
    scheme = urlsplit(uri).scheme
    if scheme == "https" or (scheme == "http" and local):
        return None
    return f"{uri}: logout tokens are posted from this server: write an https address"


def jwks_fault(jwks: object) -> str | None:
    """Return what is wrong with a client's keys by value; None: nothing. No answer holds a member's value."""
    keys = jwks.get("keys") if isinstance(jwks, dict) and set(jwks) == {"keys"} else None
    if not isinstance(keys, list) or not 0 < len(keys) <= _MOST_KEYS:
        return f'write {{"keys": [...]}} with 1 to {_MOST_KEYS} public keys, and nothing beside it'
    kids: set[str] = set()
    for number, jwk in enumerate(keys):
        if not isinstance(jwk, dict):
            return f"key {number} is not a JWK: write an object with kty, kid and its public members"
        if fault := _jwk_fault(jwk):
            return f"key {number} {fault}"
        if jwk["kid"] in kids:
            return f"key {number} has the kid of another one; give each key its own"
        kids.add(jwk["kid"])
    return None


def can_sign(keys: Iterable[PublicJwk], algorithm: str) -> bool:
    """Tell whether one of the keys, which have no fault, is for this algorithm."""
    return any(algorithm in ASSERTION_ALGORITHMS[key.kty] and key.alg in {None, algorithm} for key in keys)


def _jwk_fault(jwk: Mapping[str, Any]) -> str | None:
    kind = str(jwk.get("kty"))
    if _PRIVATE_MEMBERS & set(jwk):
        return "holds private members; register the public half alone, and take the private one for lost"
    if kind not in ASSERTION_ALGORITHMS:
        return "is of another kind: register an RSA key or an EC key on P-256"
    if not isinstance(jwk.get("kid"), str) or not 0 < len(jwk["kid"]) <= 200:
        return "has no kid; give it one of 1 to 200 characters"
    if jwk.get("use", "sig") != "sig":
        return "is for another use; register one with use sig"
    if jwk.get("alg", ASSERTION_ALGORITHMS[kind][0]) not in ASSERTION_ALGORITHMS[kind]:
        return f"is for another alg; use {' or '.join(ASSERTION_ALGORITHMS[kind])}"
    return _rsa_fault(jwk) if kind == "RSA" else _ec_fault(jwk)


def _rsa_fault(jwk: Mapping[str, Any]) -> str | None:
    try:
        modulus, exponent = (int.from_bytes(unb64url(jwk[name])) for name in ("n", "e"))
    except (KeyError, TypeError, ValueError, AttributeError):
        return "has no n and e in base64url"
    if modulus.bit_length() not in _RSA_BITS:
        return f"has {modulus.bit_length()} bits; an RSA key has 2048 to 4096"
    if exponent < 65_537 or exponent % 2 == 0 or exponent.bit_length() > 32 or modulus % 2 == 0:
        return "is not a sound RSA key: its e must be 65537 (or a larger odd number), its n odd"
    return None


def _ec_fault(jwk: Mapping[str, Any]) -> str | None:
    if jwk.get("crv") != "P-256":
        return "is on another curve; an EC key is on P-256"
    try:
        PyJWK(dict(jwk), algorithm="ES256")
    except (PyJWTError, ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        return "is not a point of P-256; check x and y"
    return None
