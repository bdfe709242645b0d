"""Recovery codes: their form, what of it may be typed otherwise, and that a stored hash opens nothing."""

from uuid import UUID

import pytest

from services.auth.accounts.recovery_codes import COUNT, NewCodes, letters_of, matching_code, mint_recovery_codes
from services.auth.keys.key_ring import KeyRing
from shared.errors import ConfigurationError

RING = KeyRing.of(b"k" * 32)


@pytest.fixture(scope="module")
def codes() -> NewCodes:
    return mint_recovery_codes(RING)


@pytest.mark.requirement("NIST63B-3.1.2")
def test_ten_codes_of_sixty_bits_in_groups_of_four(codes: NewCodes) -> None:
    assert len(set(codes.shown)) == len({code.id for code in codes.kept}) == COUNT == 10
    for shown in codes.shown:
        groups = shown.split("-")
        assert [len(group) for group in groups] == [4, 4, 4]
        assert set("".join(groups)) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_each_is_found_and_no_other(codes: NewCodes) -> None:
    for shown, kept in zip(codes.shown[:2], codes.kept[:2], strict=True):
        assert matching_code(RING, codes.kept, shown) == kept.id
    assert matching_code(RING, codes.kept[1:], codes.shown[0]) is None
    assert matching_code(RING, [], codes.shown[0]) is None


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("ABCD-EFGH-JKMN", "abcdefghjkmn"),
        (" abcd efgh\u00a0jkmn\n", "abcdefghjkmn"),
        ("abcd\u2013efgh\u2014jkmn", "abcdefghjkmn"),
        ("\uff41bcd_efgh\u200bjkmn", "abcdefghjkmn"),
        ("Oo0I-il1L-0000", "000111110000"),
        ("abcd.efgh", "abcd.efgh"),
    ],
    ids=["capitals", "blanks", "dashes", "wide-and-invisible", "letters-like-digits", "a-dot-stays"],
)
def test_what_keyboards_and_eyes_change_is_read_as_meant(typed: str, read: str) -> None:
    assert letters_of(typed) == read


@pytest.mark.parametrize(
    "typed",
    ["", "abcd", "\u0300" * 10_000, "a" * 10_000, "\ud800" * 12],
    ids=["empty", "short", "marks", "long", "half"],
)
def test_what_cannot_be_a_code_is_none(codes: NewCodes, typed: str) -> None:
    assert matching_code(RING, codes.kept, typed) is None


def test_a_hash_that_was_moved_to_another_row_is_refused(codes: NewCodes) -> None:
    moved = type(codes.kept[0])(UUID(int=1), codes.kept[0].sealed_hash)
    with pytest.raises(ConfigurationError):
        matching_code(RING, [moved], codes.shown[0])


@pytest.mark.requirement("NIST63B-3.1.2")
def test_what_is_stored_names_no_code(codes: NewCodes) -> None:
    assert all(b"argon2" not in code.sealed_hash for code in codes.kept)
    assert "sealed" not in repr(codes) and codes.shown[0] not in repr(codes)
