"""Passwords that may be chosen (NIST SP 800-63B-4 s3.1.1.2, ADR-0092)."""

import pytest

from services.auth.accounts.password_policy import password_fault

CONTEXT = ("alice", "Alice Liddell", "alice@rabbithole.example", "Company")


def fault(password: str, *, has_second_factor: bool = False) -> str | None:
    return password_fault(password, has_second_factor=has_second_factor, context=CONTEXT)


@pytest.mark.requirement("NIST63B-3.1.1.2-choice")
@pytest.mark.parametrize(
    "password",
    [
        "wonderland-tea-party",
        "builder-yes-we-can",
        "correct horse battery staple",
        "gr\u00fcne \u00c4pfel im Regen",
        "\u6771\u4eac\u306e\u96e8\u306f\u9752\u3044\u3067\u3059\u306d\u3048\u672c\u5f53\u306b\u5bd2\u3044",
        "".join(chr(0x1F300 + 37 * number) for number in range(15)),
        "no-digit-no-capital-no-sign-needed",
        "x9" * 2 + "long enough for any phrase that somebody remembers " * 10,
    ],
)
def test_a_phrase_of_any_script_may_be_chosen(password: str) -> None:
    assert fault(password) is None


@pytest.mark.requirement("NIST63B-3.1.1.2-choice")
@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("tea-party-x7q", "too short"),
        ("\ufb03\ufb03\ufb03\ufb03", "too short"),
        (" " * 20, "blanks"),
        ("x" * 1025, "too long"),
        ("passwordpassword", "easy to guess"),
        ("aaaaaaaaaaaaaaaa", "easy to guess"),
        ("1234567890123456", "easy to guess"),
        ("qwertyuiopasdfgh", "easy to guess"),
        ("Summer2026Summer2026", "easy to guess"),
        ("AliceLiddellAlice", "easy to guess"),
        ("Company-Company-2026", "easy to guess"),
        ("rabbithole.alice.1", "easy to guess"),
        ("\uff30\uff41\uff53\uff53\uff57\uff4f\uff52\uff44password", "easy to guess"),
    ],
)
def test_what_would_be_guessed_first_is_refused(password: str, says: str) -> None:
    assert says in (fault(password) or "")


def test_beside_a_second_factor_eight_characters_are_enough() -> None:
    assert fault("tea-party-x7q") is not None
    assert fault("tea-party-x7q", has_second_factor=True) is None
    assert "too short" in (fault("tea-x7q", has_second_factor=True) or "")
