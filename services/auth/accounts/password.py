"""Password hashing: Argon2id, at most one computation a core, with a short queue of which nobody gets all.

Spec: NIST SP 800-63B-4 s3.1.1; OWASP Password Storage (19 MiB, t=2, p=1); Policy: ADR-0074
The only importer of passlib (libpass, its maintained continuation: ADR-0005).
"""

import os
import secrets
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from passlib.hash import argon2

from services.auth.metrics import PASSWORDS
from shared.errors import Unavailable

#: Longest password, in code points: enough for any phrase, too little to stall a core.
MAX_LENGTH = 1024
#: And in bytes, normalised: NFKC makes 18 characters of some single ones, and passlib raises past this size.
_MAX_BYTES = 4096

_hasher = argon2.using(type="ID", memory_cost=19_456, time_cost=2, parallelism=1)

_running = threading.BoundedSemaphore(os.cpu_count() or 1)
#: The running ones and those that wait: never all of the server's forty threads, or /token would wait too.
_LENGTH = 24
_admitted = threading.BoundedSemaphore(_LENGTH)
#: Of these for the unknown browsers of one network, and for one account there or one known browser.
NETWORK_SHARE, ACCOUNT_SHARE = _LENGTH * 2 // 3, _LENGTH // 6
_taken: Counter[str] = Counter()
_taking = threading.Lock()


def is_too_long(password: str) -> bool:
    """Report whether the password is longer than any that is hashed; such a one never fits."""
    return len(password) > MAX_LENGTH or len(_normalise(password)) > _MAX_BYTES


def is_password_hash(text: str) -> bool:
    """Report whether `text` is a hash that `verify_password` can check: Argon2id, and no costlier than 64 MiB."""
    try:
        parsed = argon2.from_string(text)
    except ValueError:
        return False
    affordable = parsed.memory_cost <= 65_536 and parsed.rounds <= 10 and parsed.parallelism <= 8
    return bool(parsed.type.upper() == "ID" and affordable)


def hash_is_outdated(password_hash: str) -> bool:
    """Report whether a hash was made with other parameters than today's."""
    return bool(_hasher.needs_update(password_hash))


def hash_password(password: str) -> str:
    """Return the Argon2id hash of `password`, NFKC-normalised.

    Raises:
        ValueError: it is too long.
    """
    if is_too_long(password):
        raise ValueError("the password is too long")
    return str(_hasher.hash(_normalise(password)))


def hash_alike(texts: Sequence[str], *, like: str | None = None, shares: Mapping[str, int] | None = None) -> list[str]:
    """Return the hashes of texts in one form, all with the salt and parameters of `like`; None: a new salt for all.

    Raises:
        Unavailable: as of `verify_password`, with its `shares`.
    """
    hasher = _hasher.using(salt=secrets.token_bytes(16)) if like is None else _hasher_of(like)
    with _place(shares or {}):
        hashes = []
        for text in texts:
            with _running:  # for each: others' turns come in between
                hashes.append(str(hasher.hash(text.encode("utf-8", "surrogatepass"))))
    return hashes


def verify_password(password: str, password_hash: str | None, shares: Mapping[str, int] | None = None) -> bool:
    """Report whether `password` is the one behind the hash; without a hash it does the same work and says no.

    `shares`: for whom it is done, and how many places of the queue each of these may have at a time.

    Raises:
        Unavailable: the queue is full, or one of these has its share of it.
    """
    with _place(shares or {}):
        given = _normalise(password[:MAX_LENGTH])[:_MAX_BYTES]  # cut for the work alone: see below
        stored = password_hash or _nobody()  # before `verify` is looked up: the first hash loads the backend
        with _running:
            matches = bool(_hasher.verify(given, stored))
    return matches and password_hash is not None and not is_too_long(password)


def _hasher_of(password_hash: str) -> Any:
    made = argon2.from_string(password_hash)
    return argon2.using(
        type=made.type,
        memory_cost=made.memory_cost,
        time_cost=made.rounds,
        parallelism=made.parallelism,
        digest_size=made.checksum_size,
        salt=made.salt,
    )


@contextmanager
def _place(shares: Mapping[str, int]) -> Iterator[None]:
    with _taking:
        if any(_taken[holder] >= most for holder, most in shares.items()) or not _admitted.acquire(blocking=False):
            raise Unavailable("too many sign-ins at this moment", retry_after=timedelta(seconds=2))
        _taken.update(shares.keys())
    PASSWORDS.inc()
    try:
        yield
    finally:
        PASSWORDS.dec()
        with _taking:
            for holder in shares:
                _taken[holder] -= 1
                if not _taken[holder]:
                    del _taken[holder]
        _admitted.release()


@cache
def _nobody() -> str:
    """Return the hash that an unknown user's password is checked against, so that both take the same work."""
    return hash_password(secrets.token_urlsafe())


def _normalise(password: str) -> bytes:
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
