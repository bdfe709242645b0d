"""The refresh token's format: opaque, authenticated before any SQL, byte-identical under its key."""

from uuid import UUID

import pytest

from services.auth.keys.key_ring import KeyRing
from services.auth.opaque_token import b64url, unb64url
from services.auth.tokens.refresh_token import (
    PREFIX,
    RefreshToken,
    mint_refresh_token,
    new_seed,
    parse_refresh_token,
)

OLD, NEW = b"o" * 32, b"n" * 32
RING = KeyRing.of(OLD)
CONTENT = RefreshToken(UUID("0190a1b0-0000-7000-8000-00000000fa01"), 7, b"s" * 16)


def mint(ring: KeyRing = RING, content: RefreshToken = CONTENT) -> str:
    return mint_refresh_token(ring, content, mac_kid=ring.current)


def test_what_was_minted_is_read_again() -> None:
    assert parse_refresh_token(RING, mint()) == CONTENT
    largest = RefreshToken(CONTENT.family_id, 2**32 - 2, new_seed())
    assert parse_refresh_token(RING, mint(content=largest)) == largest


def test_a_generation_without_a_successor_is_refused() -> None:
    last = RefreshToken(CONTENT.family_id, 2**32 - 1, CONTENT.seed)
    assert parse_refresh_token(RING, mint(content=last)) is None


def test_the_prefix_is_what_secret_scanners_look_for() -> None:
    assert mint().startswith("sso_rt_") and PREFIX == "sso_rt_"
    assert parse_refresh_token(RING, mint().removeprefix(PREFIX)) is None
    assert parse_refresh_token(RING, "SSO_RT_" + mint().removeprefix(PREFIX)) is None
    assert parse_refresh_token(RING, PREFIX + mint()) is None


def test_the_same_content_under_the_same_key_is_the_same_text() -> None:
    assert mint() == mint()


def test_a_retry_is_byte_identical_after_the_mac_key_has_changed() -> None:
    rotated = KeyRing.of(NEW, OLD)
    assert mint_refresh_token(rotated, CONTENT, mac_kid=RING.current) == mint()
    assert mint(rotated) != mint()


def test_tokens_of_an_older_mac_key_stay_good_while_the_ring_holds_it() -> None:
    assert parse_refresh_token(KeyRing.of(NEW, OLD), mint()) == CONTENT
    assert parse_refresh_token(KeyRing.of(NEW), mint()) is None


def test_a_change_of_any_bit_is_refused() -> None:
    raw = unb64url(mint().removeprefix(PREFIX))
    for position in range(len(raw)):
        for bit in range(8):
            changed = bytearray(raw)
            changed[position] ^= 1 << bit
            assert parse_refresh_token(RING, PREFIX + b64url(bytes(changed))) is None, (position, bit)


def test_a_token_cut_short_or_extended_is_refused() -> None:
    raw = unb64url(mint().removeprefix(PREFIX))
    for length in range(len(raw)):
        assert parse_refresh_token(RING, PREFIX + b64url(raw[:length])) is None
    assert parse_refresh_token(RING, PREFIX + b64url(raw + b"\0")) is None
    assert parse_refresh_token(RING, PREFIX + b64url(b"\0" + raw)) is None


@pytest.mark.parametrize("text", ["", PREFIX, f"{PREFIX}!", f"{PREFIX}\u00e4", f"{PREFIX}=", PREFIX + "A" * 10_000])
def test_garbage_is_none_and_no_crash(text: str) -> None:
    assert parse_refresh_token(RING, text) is None


def test_one_token_has_one_spelling() -> None:
    for spelling in (mint() + "=", mint() + "\n", " " + mint(), mint().replace("_", "/").replace("sso/rt/", PREFIX)):
        assert spelling == mint() or parse_refresh_token(RING, spelling) is None


def test_neither_content_nor_seed_shows_in_a_representation() -> None:
    assert CONTENT.seed.decode() not in repr(CONTENT)


@pytest.mark.requirement("OAUTH21-7.1.3")
def test_seeds_are_128_random_bits() -> None:
    assert len({new_seed() for _ in range(100)}) == 100
    assert len(new_seed()) == 16
