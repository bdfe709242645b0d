import re

import pytest

from mobile import pkce


def test_challenge_is_the_one_of_rfc_7636_appendix_b() -> None:
    assert pkce.s256_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == (
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@pytest.mark.requirement("RFC9700-2.1.1-client")
def test_verifiers_are_long_enough_unreserved_and_never_the_same() -> None:
    """RFC 7636 s4.1: 43 to 128 unreserved characters, unguessable."""
    verifiers = {pkce.new_verifier() for _ in range(100)}

    assert len(verifiers) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) for verifier in verifiers)
