"""TOTP: each time step once, one step of tolerance (RFC 6238 s5.2, NIST SP 800-63B-4 s3.1.4)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.auth.accounts.totp import TotpCredential, digits_of, seal_totp_secret, verify_totp
from services.auth.keys.key_ring import KeyRing
from shared.errors import ConfigurationError

RING = KeyRing.of(b"k" * 32)
BOB = UUID(int=11)
# RFC 6238 appendix B: the SHA-1 secret, and the last six digits of its eight
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]


@dataclass
class Credentials:
    """One row in memory."""

    held: TotpCredential | None

    def find(self, user_id: UUID) -> TotpCredential | None:
        return self.held if self.held and self.held.user_id == user_id else None

    def add(self, user_id: UUID, sealed_secret: bytes, *, last_step: int, now: datetime) -> None:
        raise NotImplementedError

    def remove(self, user_id: UUID) -> bool:
        raise NotImplementedError

    def accept_step(self, user_id: UUID, step: int) -> bool:
        assert self.held is not None and self.held.user_id == user_id
        if step <= self.held.last_step:
            return False
        self.held = TotpCredential(user_id, self.held.sealed_secret, step)
        return True


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(TotpCredential(BOB, seal_totp_secret(RING, BOB, SECRET), 0))


def at(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "otp"), VECTORS)
def test_the_codes_of_rfc_6238_itself(credentials: Credentials, seconds: int, otp: str) -> None:
    assert verify_totp(credentials, RING, BOB, otp, at(seconds))


@pytest.mark.requirement("NIST63B-3.1.5")
@pytest.mark.parametrize(("off", "accepted"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_one_step_off(credentials: Credentials, off: int, accepted: bool) -> None:
    assert verify_totp(credentials, RING, BOB, "081804", at(1_111_111_109 + off)) is accepted


@pytest.mark.requirement("ASVS-6.5.1", "NIST63B-3.1.5")
def test_a_code_is_accepted_once(credentials: Credentials) -> None:
    assert verify_totp(credentials, RING, BOB, "287082", at(59))
    assert not verify_totp(credentials, RING, BOB, "287082", at(59))
    assert not verify_totp(credentials, RING, BOB, "287082", at(89)), "nor while the tolerance still covers it"


def test_a_code_from_before_the_last_one_is_refused(credentials: Credentials) -> None:
    assert credentials.accept_step(BOB, 1_111_111_109 // 30)
    assert not verify_totp(credentials, RING, BOB, "081804", at(1_111_111_109))


def test_a_wrong_code_uses_nothing_up(credentials: Credentials) -> None:
    assert not verify_totp(credentials, RING, BOB, "000000", at(59))
    assert credentials.held is not None and credentials.held.last_step == 0
    assert verify_totp(credentials, RING, BOB, "287082", at(59))


@pytest.mark.parametrize(
    "otp",
    [
        "",
        "28708",
        "2870820",
        " 287082",
        "287082\n",
        "28708a",
        "-28708",
        "\u0662\u0668\u0667\u0660\u0668\u0662",  # the right digits, in Arabic
        "\uff12\uff18\uff17\uff10\uff18\uff12",
        "28708\u00b2",
        "287082" * 1000,
    ],
)
def test_only_six_ascii_digits_are_looked_at(credentials: Credentials, otp: str) -> None:
    assert not verify_totp(credentials, RING, BOB, otp, at(59))


def test_somebody_without_a_secret_has_no_code(credentials: Credentials) -> None:
    assert not verify_totp(credentials, RING, UUID(int=12), "287082", at(59))


def test_a_secret_moved_to_another_user_does_not_open(credentials: Credentials) -> None:
    assert credentials.held is not None
    mallory = UUID(int=13)
    moved = Credentials(TotpCredential(mallory, credentials.held.sealed_secret, 0))
    with pytest.raises(ConfigurationError):
        verify_totp(moved, RING, mallory, "287082", at(59))


@pytest.mark.requirement("NIST63B-3.1.5")
def test_the_secret_is_sealed(credentials: Credentials) -> None:
    assert credentials.held is not None
    assert SECRET.encode() not in credentials.held.sealed_secret
    assert "sealed" not in repr(credentials.held)


@pytest.mark.parametrize(
    "typed",
    [
        "\u0661\u0662\u0663\u0664\u0665\u0666",  # an Arabic keyboard
        "\uff11\uff12\uff13\uff14\uff15\uff16",  # full width
        "123-456",
        "123\u2013456",  # a dash that a phone makes of two
        " 123\u00a0456\n",
        "\u200b123456\ufeff",  # a paste
    ],
)
def test_what_a_keyboard_or_a_paste_adds_does_not_make_a_code_wrong(typed: str) -> None:
    assert digits_of(typed) == "123456"


@pytest.mark.parametrize("typed", ["12345", "1234567", "12345x", "x123456", "", "9" * 100_000])
def test_nothing_else_becomes_a_code(typed: str) -> None:
    assert not (len(digits_of(typed)) == 6 and digits_of(typed).isdigit())
