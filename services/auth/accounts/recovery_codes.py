"""Recovery codes: ten secrets on paper. Each stands once for a second factor that is lost.

Spec: NIST SP 800-63B-4 s3.1.2 (look-up secrets), OWASP ASVS 6.5.1 and 6.5.2; Policy: ADR-0114
60 random bits each. The codes of one set share a salt, so that a try costs one Argon2id and not ten; each hash is
stored encrypted, as passwords are, and a copy of the database guesses none.
"""

import hmac
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.accounts.password import hash_alike
from services.auth.keys.encryption import decrypt, encrypt
from services.auth.keys.key_ring import KeyRing

#: Codes of a set.
COUNT = 10
#: Crockford's 32 letters: none that is taken for another.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
_LENGTH, _GROUP = 12, 4
_READ_AS = str.maketrans("oil", "011")
#: Characters of a field that are looked at.
_LONGEST_TYPED = 64


@dataclass(frozen=True, repr=False)
class RecoveryCode:
    """One code that may still be used: its Argon2id hash, sealed."""

    id: UUID
    sealed_hash: bytes


class RecoveryCodes(Protocol):
    """The port that storage implements."""

    def find(self, user_id: UUID) -> list[RecoveryCode]:
        """Return those that are left."""
        ...

    def count(self, user_id: UUID) -> int: ...

    def replace(self, user_id: UUID, codes: Sequence[RecoveryCode], now: datetime) -> None:
        """Store these in place of all that the user has; none: the user has no codes any more."""
        ...

    def use(self, code_id: UUID) -> bool:
        """Delete it in one statement; False when somebody has used it, or there is a newer set."""
        ...


@dataclass(frozen=True, repr=False)
class NewCodes:
    """A set that is to be stored: what is shown once, and what is kept."""

    shown: tuple[str, ...]
    kept: tuple[RecoveryCode, ...]


def mint_recovery_codes(ring: KeyRing) -> NewCodes:
    """Return ten new codes. Takes ten Argon2id computations: never while the database is open.

    Raises:
        Unavailable: too many passwords are being hashed at this moment.
    """
    bare = [_code() for _ in range(COUNT)]
    kept = []
    for password_hash in hash_alike(bare):
        code_id = uuid7()
        sealed = encrypt(ring, password_hash.encode("ascii"), belongs_to=recovery_code_label(code_id))
        kept.append(RecoveryCode(code_id, sealed))
    return NewCodes(tuple(_shown(code) for code in bare), tuple(kept))


def matching_code(
    ring: KeyRing, stored: Sequence[RecoveryCode], typed: str, shares: Mapping[str, int] | None = None
) -> UUID | None:
    """Return which code of a set was typed; it is used up by `RecoveryCodes.use` alone. `shares`: as of a password.

    Raises:
        Unavailable: the queue of hashes is full, or one of these has its share of it.
    """
    bare = letters_of(typed)
    if not stored or len(bare) != _LENGTH:
        return None
    hashes = {code.id: _opened(ring, code) for code in stored}
    [given] = hash_alike([bare], like=next(iter(hashes.values())), shares=shares)
    matching = [code_id for code_id, password_hash in hashes.items() if hmac.compare_digest(given, password_hash)]
    return matching[0] if matching else None


def letters_of(typed: str) -> str:
    """Return the code that somebody typed or pasted: in one form, without what is put between its groups.

    The letter O is read as a zero, I and L as a one; anything else that is no letter of a code stays, so that it is
    wrong.
    """
    folded = unicodedata.normalize("NFKC", typed[:_LONGEST_TYPED]).casefold()
    kept = [
        letter for letter in folded if not letter.isspace() and unicodedata.category(letter) not in {"Pd", "Pc", "Cf"}
    ]
    return "".join(kept).translate(_READ_AS)


def recovery_code_label(code_id: UUID) -> str:
    """Return what the ciphertext of a code's hash is bound to."""
    return f"recovery code {code_id}"


def _code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def _shown(bare: str) -> str:
    return "-".join(bare[at : at + _GROUP] for at in range(0, _LENGTH, _GROUP))


def _opened(ring: KeyRing, code: RecoveryCode) -> str:
    return decrypt(ring, code.sealed_hash, belongs_to=recovery_code_label(code.id)).decode("ascii")
