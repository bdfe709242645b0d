"""A status list signed by another key than the last one is word of a rotation: a dropped key is dropped here."""

import asyncio
from datetime import timedelta

import pytest

from shared.bearer import AccessTokenVerifier, InvalidToken, JwksCache, StatusCache
from shared.bearer.status import source
from shared.errors import Unavailable
from shared.testing import FakeIssuer, SettableClock

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second look comes at once: a unit test waits for nothing."""
    monkeypatch.setattr(source, "SECOND_LOOK", timedelta(0))


async def rest(statuses: StatusCache) -> None:
    """Let the second look run to its end."""
    if (look := statuses._source._second_look) is not None:
        await look


async def test_tokens_of_a_dropped_key_are_refused_by_the_next_look_at_the_list(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    stolen = issuer.access_token()
    await verifier.verify(stolen)
    issuer.rotate()
    clock.advance(seconds=16)
    with pytest.raises(InvalidToken):  # remembered, and refused in the very request that brought the word
        await verifier.verify(stolen)
    assert await verifier.verify(issuer.access_token())
    await rest(verifier.statuses)
    assert issuer.fetches == 3  # at the start, at the word, and a second later


async def test_the_cooldown_of_forged_kids_does_not_delay_it(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    stolen = issuer.access_token()
    await verifier.verify(stolen)
    clock.advance(seconds=10)
    for kid in issuer.random_kids(100):
        with pytest.raises(InvalidToken):
            await verifier.verify(kid)
    issuer.rotate()
    clock.advance(seconds=6)
    with pytest.raises(InvalidToken):
        await verifier.verify(stolen)


async def test_a_replica_that_lags_is_asked_once_more(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list comes from a replica that knows the new key, the key set from one that does not yet."""
    stolen = issuer.access_token()
    await verifier.verify(stolen)
    old = issuer.jwks
    issuer.rotate()
    new, refresh = issuer.jwks, verifier.jwks.refresh
    answers = [old, new]

    async def lagging() -> bool:
        issuer.jwks = answers.pop(0)
        return await refresh()

    monkeypatch.setattr(verifier.jwks, "refresh", lagging)
    clock.advance(seconds=16)
    with pytest.raises(InvalidToken):
        await verifier.verify(stolen)
    assert answers == []


async def test_an_announced_key_that_begins_to_sign_refuses_nobody(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    before = issuer.access_token()
    await verifier.verify(before)
    issuer.rotate(keep_old=True)
    clock.advance(seconds=16)
    assert await verifier.verify(before)
    assert await verifier.verify(issuer.access_token())
    await rest(verifier.statuses)


async def test_the_same_key_again_fetches_nothing(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    for _ in range(10):
        await verifier.verify(issuer.access_token())
        clock.advance(seconds=16)
    assert issuer.fetches == 1


async def test_the_word_is_heard_again_while_the_keys_cannot_be_had(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock, jwks: JwksCache
) -> None:
    stolen = issuer.access_token()
    await verifier.verify(stolen)
    issuer.rotate(keep_old=True)
    await jwks.refresh()  # the new key is known
    good, issuer.jwks = issuer.jwks, {"keys": []}  # and the key set is broken when the word comes
    clock.advance(seconds=16)
    assert await verifier.verify(stolen)
    await rest(verifier.statuses)
    issuer.jwks = {"keys": good["keys"][1:]}
    clock.advance(seconds=16)
    with pytest.raises(InvalidToken):
        await verifier.verify(stolen)


async def test_a_list_by_a_key_that_nobody_publishes_is_refused(
    verifier: AccessTokenVerifier, issuer: FakeIssuer
) -> None:
    issuer.statuses.header = {"kid": "nobody's"}
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.access_token())


async def test_a_thief_with_a_dropped_key_cannot_pin_a_list(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    """A list forged with it, of a version that no honest one reaches, is held to no longer than the key."""
    token = issuer.access_token()
    await verifier.verify(token)
    issuer.statuses.claims["urn:company:status_version"] = 2**62
    clock.advance(seconds=16)
    await verifier.verify(token)
    issuer.statuses.claims.clear()
    issuer.rotate()
    fresh = issuer.access_token()
    issuer.revoke(fresh)
    clock.advance(seconds=16)
    with pytest.raises(InvalidToken) as refusal:
        await verifier.verify(fresh)
    assert refusal.value.reason == "revoked"


async def test_the_list_of_a_dropped_key_is_looked_at_anew_before_it_is_used_again(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, jwks: JwksCache
) -> None:
    await verifier.verify(issuer.access_token())
    issuer.rotate()
    await jwks.refresh()
    await verifier.verify(issuer.access_token())
    assert issuer.status_fetches == 2


async def test_many_requests_hear_it_together(
    verifier: AccessTokenVerifier, issuer: FakeIssuer, clock: SettableClock
) -> None:
    stolen, place = issuer.access_token(), issuer.statuses.claim(1)
    await verifier.verify(stolen)
    issuer.rotate()
    good = issuer.access_token(status=place)
    clock.advance(seconds=16)
    found = await asyncio.gather(
        *(verifier.verify(stolen) for _ in range(20)),
        *(verifier.verify(good) for _ in range(20)),
        return_exceptions=True,
    )
    assert all(isinstance(refusal, InvalidToken) for refusal in found[:20])
    assert not any(isinstance(refusal, BaseException) for refusal in found[20:])
    assert issuer.status_fetches <= 3
