"""Random secrets that the database knows only by their SHA-256: codes, cookies, request handles.

256 random bits need no slow hash and no salt.
"""

import base64
import hashlib
import secrets

#: Characters of an opaque token.
LENGTH = 43


def mint_opaque_token() -> str:
    """Return 256 random bits as base64url text (`LENGTH` characters)."""
    return secrets.token_urlsafe(32)


def digest(value: str) -> bytes:
    """Return the SHA-256 that is stored instead of `value` (32 bytes)."""
    return hashlib.sha256(value.encode()).digest()


def b64url(value: bytes) -> str:
    """Return base64url without padding (RFC 7515 s2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def unb64url(value: str) -> bytes:
    """Return the bytes of base64url text without padding.

    Raises:
        ValueError: it is not base64url.
    """
    raw = value.encode("ascii")
    if set(raw) & set(b"=+/"):
        raise ValueError("base64url has its own alphabet and is written without padding")
    return base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
