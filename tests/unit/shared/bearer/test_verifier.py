"""The memory of verified tokens: as strict as the verifier itself, and gone with the keys that made it."""

import pytest

from shared.bearer import AccessTokenVerifier, InvalidToken
from shared.testing import FakeIssuer, SettableClock
from tests.unit.shared.bearer.conftest import background

pytestmark = pytest.mark.anyio


async def test_a_token_is_verified_once(verifier: AccessTokenVerifier, issuer: FakeIssuer) -> None:
    token = issuer.access_token()
    assert await verifier.verify(token) is await verifier.verify(token)


async def test_another_token_of_the_same_user_is_verified_by_itself(
    verifier: AccessTokenVerifier, issuer: FakeIssuer
) -> None:
    token = issuer.access_token()
    await verifier.verify(token)
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.forged(token))
    with pytest.raises(InvalidToken):
        await verifier.verify(token[:-8] + "AAAAAAAA")


async def test_a_remembered_token_expires_like_any_other(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    token = issuer.access_token()
    await verifier.verify(token)
    clock.advance(minutes=15, seconds=29)
    await verifier.verify(token)
    clock.advance(seconds=1)
    with pytest.raises(InvalidToken):
        await verifier.verify(token)
    assert not verifier._verified


async def test_a_withdrawn_key_takes_its_remembered_tokens_with_it(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    token = issuer.access_token()
    await verifier.verify(token)
    issuer.rotate()
    await verifier.verify(issuer.access_token())  # its unknown kid makes the keys swap
    with pytest.raises(InvalidToken):
        await verifier.verify(token)


async def test_a_key_replaced_under_its_kid_takes_its_remembered_tokens_with_it(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    token, kid = issuer.access_token(), issuer.kid
    await verifier.verify(token)
    issuer.rotate()
    issuer.jwks["keys"][0]["kid"] = kid
    clock.advance(seconds=300)
    verifier.jwks.current()
    await background(verifier.jwks)
    with pytest.raises(InvalidToken):
        await verifier.verify(token)


async def test_an_unchanged_key_set_forgets_nothing(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    token = issuer.access_token()
    principal = await verifier.verify(token)
    clock.advance(seconds=300)
    verifier.jwks.current()
    await background(verifier.jwks)
    assert issuer.fetches == 2
    assert await verifier.verify(token) is principal


async def test_remembered_tokens_alone_still_refresh_the_keys(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    token = issuer.access_token()
    await verifier.verify(token)
    clock.advance(seconds=301)
    await verifier.verify(token)
    await background(verifier.jwks)
    assert issuer.fetches == 2


async def test_the_least_recently_used_is_forgotten_first(verifier: AccessTokenVerifier, issuer: FakeIssuer) -> None:
    first, second, third, fourth = (issuer.access_token() for _ in range(4))
    remembered = [await verifier.verify(token) for token in (first, second, third)]
    assert await verifier.verify(first) is remembered[0]
    await verifier.verify(fourth)
    assert len(verifier._verified) == 3
    assert await verifier.verify(first) is remembered[0]
    assert await verifier.verify(second) is not remembered[1]


async def test_the_memory_holds_no_token(verifier: AccessTokenVerifier, issuer: FakeIssuer) -> None:
    token = issuer.access_token()
    await verifier.verify(token)
    assert all(isinstance(key, bytes) and len(key) == 32 for key in verifier._verified)
    assert token.encode() not in verifier._verified


async def test_a_refused_token_is_not_remembered(verifier: AccessTokenVerifier, issuer: FakeIssuer) -> None:
    with pytest.raises(InvalidToken):
        await verifier.verify(issuer.access_token(aud="http://localhost:9002"))
    assert not verifier._verified
