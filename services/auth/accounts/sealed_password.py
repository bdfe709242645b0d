"""The keyed step beside Argon2id: the hash of a password is stored encrypted, and a copy of the database guesses none.

Spec: NIST SP 800-63B-4 s3.1.1.2 (a keyed operation with a key that is kept elsewhere); Policy: ADR-0094
Encrypted rather than hashed once more: `keys reseal` then moves every row to a new key, without anybody's password. The
ciphertext is bound to its user. A hash from before, or from a file, is as good, and sealed at its user's next sign-in.
"""

from uuid import UUID

from services.auth.accounts.password import hash_is_outdated, hash_password
from services.auth.keys.encryption import decrypt, encrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.opaque_token import b64url, unb64url

PREFIX = "$sealed$"


def seal_hash(ring: KeyRing, user_id: UUID, password_hash: str) -> str:
    """Return what is stored of a hash: the id of the key, and the ciphertext."""
    sealed = encrypt(ring, password_hash.encode("ascii"), belongs_to=password_label(user_id))
    return f"{sealed_under(ring)}{b64url(sealed)}"


def open_hash(ring: KeyRing, user_id: UUID, stored: str | None) -> str | None:
    """Return the hash behind what is stored, which may be one as it is.

    Raises:
        ConfigurationError: no key of the ring fits, or the row was changed.
    """
    if stored is None or not stored.startswith(PREFIX):
        return stored
    return decrypt(ring, unb64url(stored.rpartition("$")[2]), belongs_to=password_label(user_id)).decode("ascii")


def renewed_hash(ring: KeyRing, user_id: UUID, stored: str, password: str) -> str | None:
    """Return what is to be stored of a password that has just proven right; None: it is stored as it should be."""
    password_hash = open_hash(ring, user_id, stored)
    if password_hash is None or hash_is_outdated(password_hash):
        return seal_hash(ring, user_id, hash_password(password))
    return None if stored.startswith(sealed_under(ring)) else seal_hash(ring, user_id, password_hash)


def sealed_under(ring: KeyRing) -> str:
    """Return how what is sealed under the current key begins."""
    return f"{PREFIX}{ring.current.hex()}$"


def password_label(user_id: UUID) -> str:
    """Return what the ciphertext of a hash is bound to."""
    return f"password of {user_id}"
