"""The short way and the whole one give the same verdict, on every bent token that the attacks send."""

import asyncio

import pytest

from shared.bearer import AccessTokenVerifier, InvalidToken
from shared.testing import FakeIssuer, SettableClock
from tests.security.test_bearer_attacks import FORGERIES
from tests.unit.shared.bearer.conftest import whole_verifier

MOMENTS = (0, 10, 14, 16, 61, 299, 329, 331, -20, -31, -700)


async def verdict(verifier: AccessTokenVerifier, token: str) -> str:
    try:
        return (await verifier.verify(token)).token_id
    except InvalidToken as refusal:
        return refusal.reason


@pytest.mark.parametrize("name", ["good", "revoked", *FORGERIES])
def test_both_ways_agree(name: str, verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock) -> None:
    async def compare() -> None:
        clock.advance(hours=1)
        good = issuer.access_token()
        await verifier.verify(good)
        token = FORGERIES[name](issuer) if name in FORGERIES else good
        await verdict(verifier, token)  # it may be remembered now
        if name == "revoked":
            issuer.revoke(good)
            clock.advance(seconds=16)
        start = clock.now()
        for seconds in MOMENTS:
            clock.advance(seconds=seconds - (clock.now() - start).total_seconds())
            await verdict(verifier, issuer.access_token())  # keys and lists are as of now
            whole = await verdict(whole_verifier(verifier), token)
            cached = verifier.verify_cached(token.encode())
            assert await verdict(verifier, token) == whole
            assert cached is None or cached.token_id == whole

    asyncio.run(compare())
