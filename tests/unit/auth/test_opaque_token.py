"""Random secrets and their digests."""

import pytest

from services.auth.opaque_token import b64url, digest, mint_opaque_token, unb64url


@pytest.mark.requirement("OAUTH21-7.1.3", "ASVS-7.2.3")
def test_a_token_is_256_random_bits() -> None:
    minted = {mint_opaque_token() for _ in range(100)}
    assert len(minted) == 100
    assert {len(unb64url(token)) for token in minted} == {32}


def test_the_digest_is_sha256() -> None:
    assert digest("abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_bytes_come_back() -> None:
    for length in range(5):
        assert unb64url(b64url(b"\xff\xfe"[:1] * length)) == b"\xff" * length


@pytest.mark.parametrize("text", ["A", "AA=", "AA==", "A+A/", "a/b_", "AA\n", "A A", "\u00e4", "AAAA\0"])
def test_what_is_not_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        unb64url(text)
