"""Password hashing: the same work for everyone, bounded (NIST SP 800-63B-4 s3.1.1, OWASP ASVS 6.3.8)."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from services.auth.accounts import password as passwords
from services.auth.accounts.password import (
    ACCOUNT_SHARE,
    MAX_LENGTH,
    NETWORK_SHARE,
    hash_password,
    verify_password,
)
from shared.errors import Unavailable

ROOT = Path(__file__).parents[4]
PASSWORD = "pass\u00e9 compos\u00e9 \U0001fad6"


class CountingHasher:
    """Stands in for Argon2: remembers what it was asked, and says that it fits."""

    def __init__(self) -> None:
        self.verified: list[str] = []

    def hash(self, secret: bytes, **_: Any) -> str:
        return f"hash of {len(secret)} bytes"

    def verify(self, secret: bytes, password_hash: str) -> bool:
        self.verified.append(password_hash)
        return secret != b""


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingHasher]:
    counting = CountingHasher()
    monkeypatch.setattr(passwords, "_hasher", counting)
    passwords._nobody.cache_clear()
    yield counting
    passwords._nobody.cache_clear()


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.mark.requirement("NIST63B-3.1.1.2")
def test_the_hash_is_argon2id_of_the_owasp_strength(password_hash: str) -> None:
    assert password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.requirement("ASVS-6.2.8")
def test_the_right_password_and_no_other(password_hash: str) -> None:
    assert verify_password(PASSWORD, password_hash)
    assert not verify_password(PASSWORD + " ", password_hash)
    assert not verify_password(PASSWORD[:-1], password_hash)
    assert not verify_password(PASSWORD.upper(), password_hash)
    assert not verify_password("", password_hash)


@pytest.mark.requirement("NIST63B-3.1.1.2")
def test_the_same_characters_typed_on_another_keyboard_fit(password_hash: str) -> None:
    decomposed = PASSWORD.replace("\u00e9", "e\u0301")
    assert decomposed != PASSWORD
    assert verify_password(decomposed, password_hash)


@pytest.mark.requirement("ASVS-6.3.8")
def test_an_unknown_user_costs_the_same_verification(hasher: CountingHasher) -> None:
    assert verify_password("guess", "somebody's hash")
    assert not verify_password("guess", None), "work done, and still refused"
    assert len(hasher.verified) == 2
    assert hasher.verified[1] != "somebody's hash"


@pytest.mark.requirement("ASVS-6.2.8")
def test_an_overlong_password_is_not_cut_to_a_right_one(hasher: CountingHasher) -> None:
    """The whole password is verified (NIST SP 800-63B-4 s3.1.1.2)."""
    assert verify_password("x" * MAX_LENGTH, "hash")
    assert not verify_password("x" * (MAX_LENGTH + 1), "hash")
    assert len(hasher.verified) == 2, "and it costs the same"


@pytest.mark.parametrize("expands", ["\ufdfa", "\ufdfb", "\u3300", "\U0001fad6", "\ud800"])
def test_a_password_that_normalisation_expands_is_wrong_and_no_crash(password_hash: str, expands: str) -> None:
    """One U+FDFA becomes 18 characters under NFKC: far more bytes than the library takes."""
    assert not verify_password(expands * MAX_LENGTH, password_hash)
    assert not verify_password(expands * MAX_LENGTH, None)


@pytest.mark.requirement("ASVS-6.2.8", "NIST63B-3.1.1.2")
@pytest.mark.parametrize("character", ["x", "\u00e9", "\U0001fad6"])
def test_the_longest_password_can_be_used(character: str) -> None:
    longest = character * MAX_LENGTH
    hashed = hash_password(longest)
    assert verify_password(longest, hashed)
    assert not verify_password(longest[:-1], hashed)


@pytest.mark.parametrize("password", ["x" * (MAX_LENGTH + 1), "\ufdfa" * MAX_LENGTH])
def test_a_password_too_long_is_not_hashed(password: str) -> None:
    with pytest.raises(ValueError, match="too long"):
        hash_password(password)


def test_past_the_queue_it_says_so_and_recovers(monkeypatch: pytest.MonkeyPatch, hasher: CountingHasher) -> None:
    monkeypatch.setattr(passwords, "_admitted", threading.BoundedSemaphore(1))
    with passwords._admitted, pytest.raises(Unavailable) as refused:
        verify_password("x", "hash")
    assert refused.value.retry_after.total_seconds() > 0
    assert verify_password("x", "hash")


def test_one_network_and_one_account_get_their_share_of_the_queue_and_the_rest_is_for_others(
    hasher: CountingHasher,
) -> None:
    with ExitStack() as queue:
        for number in range(NETWORK_SHARE):
            queue.enter_context(passwords._place({"net": NETWORK_SHARE, f"account {number // 4}": ACCOUNT_SHARE}))
        for shares in ({"net": NETWORK_SHARE}, {"elsewhere": NETWORK_SHARE, "account 0": ACCOUNT_SHARE}):
            with pytest.raises(Unavailable):
                verify_password("x", "hash", shares)
        assert verify_password("x", "hash", {"elsewhere": NETWORK_SHARE, "account 9": ACCOUNT_SHARE})
        assert verify_password("x", "hash", {"a known browser": ACCOUNT_SHARE})
    assert verify_password("x", "hash", {"net": NETWORK_SHARE, "account 0": ACCOUNT_SHARE})
    assert not passwords._taken, "nothing is kept of those who are gone"


def test_an_error_gives_its_place_in_the_queue_back(monkeypatch: pytest.MonkeyPatch, hasher: CountingHasher) -> None:
    def fail(secret: bytes, password_hash: str) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(passwords, "_admitted", threading.BoundedSemaphore(1))
    monkeypatch.setattr(hasher, "verify", fail)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            verify_password("x", "hash")


def test_the_first_check_of_a_fresh_process_may_be_of_an_unknown_user() -> None:
    """The hashing library loads its backend at first use: that use must not be the one that fails."""
    code = "from services.auth.accounts.password import verify_password; assert not verify_password('x', None)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
