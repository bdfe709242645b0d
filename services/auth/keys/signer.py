"""The signer: the only place of the suite where a JWT is signed.

Spec: RFC 7515, RFC 7518 s3.3 (RS256), RFC 8725 s3.11 (a `typ` for every kind of JWT)
"""

import functools
import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from services.auth.keys.key_set import KeySet
from services.auth.opaque_token import b64url
from shared.errors import Unavailable
from shared.json_text import write_json

ALGORITHM = "RS256"
_PADDING, _HASH = padding.PKCS1v15(), hashes.SHA256()
#: Writes what PyJWT would, which the tests compare; orjson writes the same bytes unless it has to escape a character.
_JSON = json.JSONEncoder(separators=(",", ":"))


def _json(claims: Mapping[str, Any]) -> bytes:
    written = write_json(claims)
    return written if written.isascii() else _JSON.encode(claims).encode()


@functools.lru_cache(maxsize=64)
def _header(kid: str, typ: str) -> str:
    return b64url(_JSON.encode({"alg": ALGORITHM, "kid": kid, "typ": typ}).encode())


class Signer:
    """Signs with the active key, and verifies what this provider has signed.

    All of it raises Unavailable while there is no key set that may be used: the keys of the last one may be stolen.
    """

    def __init__(self, key_set: KeySet) -> None:
        self._key_set: KeySet | None = key_set

    @property
    def key_set(self) -> KeySet:
        """The keys in use.

        Raises:
            Unavailable: there are none.
        """
        if (key_set := self._key_set) is None:
            raise Unavailable("the signing keys cannot be used")
        return key_set

    @property
    def held(self) -> KeySet | None:
        """The keys in use, if any."""
        return self._key_set

    def require_keys(self) -> None:
        """Raise Unavailable unless there are keys in use."""
        _ = self.key_set

    def use(self, key_set: KeySet | None) -> None:
        """Sign with this set's active key from now on, and verify with its keys: one assignment, never half of each.

        None: with none at all.
        """
        self._key_set = key_set

    def sign(self, claims: Mapping[str, Any], *, typ: str) -> str:
        """Return the compact JWS of `claims` with this `typ` and the active key's `kid`."""
        return self.sign_naming_key(claims, typ=typ)[1]

    def sign_naming_key(self, claims: Mapping[str, Any], *, typ: str) -> tuple[str, str]:
        """Sign, and return the `kid` that did it too."""
        active = self.key_set.active
        payload = b64url(_json(claims))
        signed = f"{_header(active.kid, typ)}.{payload}"
        signature = active.private_key.sign(signed.encode(), _PADDING, _HASH)
        return active.kid, f"{signed}.{b64url(signature)}"

    def verify(self, token: str, *, typ: str) -> dict[str, Any] | None:
        """Return the claims of a JWT of ours of this `typ`; None when it isn't.

        Checks the signature, algorithm and type. Does NOT check exp, aud or any other claim.
        """
        return _verified(self.key_set.public_keys, token, typ=typ)

    def verify_hint(self, token: str, *, typ: str) -> dict[str, Any] | None:
        """Return the claims as `verify` does, also of one that a key of the past year signed (id_token_hint)."""
        return _verified(self.key_set.hint_keys, token, typ=typ)


def _verified(keys: Mapping[str, rsa.RSAPublicKey], token: str, *, typ: str) -> dict[str, Any] | None:
    try:
        header = jwt.get_unverified_header(token)
        key = keys.get(header.get("kid", ""))
        if header.get("typ") != typ or key is None:
            return None
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            options={
                "verify_signature": True,
                "verify_exp": False,  # by shared.clock, where the claims are used
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "verify_iss": False,
                "verify_sub": False,
                "verify_jti": False,
            },
        )
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    return claims
