"""TOTP: time-based one-time passwords, each time step accepted once.

Spec: RFC 6238; NIST SP 800-63B-4 s3.1.4 (one use in its validity), OWASP ASVS 6.5.1 and 6.5.5
The only importer of pyotp.
"""

import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import pyotp

from services.auth.keys.encryption import decrypt, encrypt
from services.auth.keys.key_ring import KeyRing
from shared.clock import epoch

PERIOD = 30
DIGITS = 6
#: Steps before and after the present one that are accepted too, for clocks that are off.
TOLERANCE = 1
#: Characters of a field that are looked at.
_LONGEST_TYPED = 64


@dataclass(frozen=True, repr=False)
class TotpCredential:
    """One user's TOTP secret, sealed, and the last time step that was accepted."""

    user_id: UUID
    sealed_secret: bytes
    last_step: int


class TotpCredentials(Protocol):
    """The port that storage implements."""

    def find(self, user_id: UUID) -> TotpCredential | None: ...

    def add(self, user_id: UUID, sealed_secret: bytes, *, last_step: int, now: datetime) -> None:
        """Store one of a user who has none; codes up to `last_step` are used up."""
        ...

    def remove(self, user_id: UUID) -> bool:
        """Delete it; False when there is none."""
        ...

    def accept_step(self, user_id: UUID, step: int) -> bool:
        """Raise `last_step` to `step` in one statement; False when that step or a later one was accepted before."""
        ...


def digits_of(typed: str) -> str:
    """Return the code that somebody typed or pasted, without what keyboards and password managers put around it.

    Digits of any script count as digits; spaces, dashes and invisible characters are dropped, and anything else stays,
    so that it is wrong.
    """
    kept = []
    for character in unicodedata.normalize("NFKC", typed[:_LONGEST_TYPED]):
        digit = unicodedata.decimal(character, None)
        if digit is not None:
            kept.append(str(digit))
        elif not character.isspace() and unicodedata.category(character) not in {"Pd", "Cf"}:
            kept.append(character)
    return "".join(kept)


def new_totp_secret() -> str:
    """Return 160 random bits as base32, which is what apps take."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, username: str, company: str) -> str:
    """Return the address that an app takes everything from: the secret, and whose it is."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=company)


def confirming_step(secret: str, otp: str, now: datetime) -> int | None:
    """Return the time step that a code of a new secret is of; None: it is none."""
    if len(otp) != DIGITS or not (otp.isascii() and otp.isdigit()):
        return None
    return _matching_step(secret, otp, epoch(now) // PERIOD)


def seal_totp_secret(ring: KeyRing, user_id: UUID, secret: str) -> bytes:
    """Return the base32 secret encrypted for this user's row."""
    return encrypt(ring, secret.encode("ascii"), belongs_to=totp_label(user_id))


def verify_totp(credentials: TotpCredentials, ring: KeyRing, user_id: UUID, otp: str, now: datetime) -> bool:
    """Report whether `otp` is a code of this user's that was not used before, and use it up."""
    credential = credentials.find(user_id)
    if credential is None:
        return False
    secret = decrypt(ring, credential.sealed_secret, belongs_to=totp_label(user_id)).decode("ascii")
    step = confirming_step(secret, otp, now)
    return step is not None and credentials.accept_step(user_id, step)


def _matching_step(secret: str, otp: str, present: int) -> int | None:
    generator = pyotp.HOTP(secret, digits=DIGITS)
    matching = None
    for step in range(present - TOLERANCE, present + TOLERANCE + 1):  # all of them: the same work for every code
        if hmac.compare_digest(generator.at(step), otp):
            matching = step
    return matching


def totp_label(user_id: UUID) -> str:
    """Return what the ciphertext of a secret is bound to."""
    return f"TOTP secret of {user_id}"
