"""Attacks on bound tokens at the provider, each by its name (RFC 9449 s11)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.testing import FakeWallet, SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, code_of, start
from tests.integration.auth.seeds import ALICE
from tests.integration.auth.test_dpop import ISSUER, TOKEN, USERINFO, redeem, refresh, refused, sign_in, userinfo


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    running = start(tmp_path, clock)
    yield running
    stop(running)


@pytest.fixture
def owner(clock: SettableClock) -> FakeWallet:
    return FakeWallet(clock=clock)


@pytest.fixture
def thief(clock: SettableClock) -> FakeWallet:
    return FakeWallet(clock=clock)


def test_a_thief_with_the_store_but_not_the_key_gets_nothing_and_ends_nothing(
    provider: Provider, clock: SettableClock, owner: FakeWallet, thief: FakeWallet
) -> None:
    old = sign_in(provider, owner)
    stolen = refresh(provider, old["refresh_token"], owner.proof("POST", TOKEN)).json()
    for token in (stolen["refresh_token"], old["refresh_token"]):  # the live generation and one before it
        refused(refresh(provider, token))
        refused(refresh(provider, token, thief.proof("POST", TOKEN)))
        refused(refresh(provider, token, thief.proof("POST", TOKEN, header={"jwk": owner.jwk})))
    access_token = stolen["access_token"]
    refused(userinfo(provider, "GET", access_token, None, "Bearer"), "invalid_token", 401)
    refused(userinfo(provider, "GET", access_token, None), status=401)
    proof = thief.proof("GET", USERINFO, access_token=access_token)
    refused(userinfo(provider, "GET", access_token, proof), "invalid_token", 401)
    clock.advance(hours=1)
    refused(refresh(provider, old["refresh_token"], thief.proof("POST", TOKEN)))
    assert refresh(provider, stolen["refresh_token"], owner.proof("POST", TOKEN)).status_code == 200
    assert "refresh_token_reuse" not in provider.events()


def test_a_thief_cannot_take_an_unbound_sign_in_by_binding_it_to_their_own_key(
    provider: Provider, clock: SettableClock, thief: FakeWallet
) -> None:
    """A later proof binds the access token alone: else the owner would be refused for ever, and nobody be told."""
    owners = provider.sign_in()["refresh_token"]
    stolen = refresh(provider, owners, thief.proof("POST", TOKEN))
    assert stolen.json()["token_type"] == "DPoP"
    clock.advance(minutes=2)
    refused(provider.refresh(owners), "invalid_grant")
    assert "refresh_token_reuse" in provider.events()
    refused(refresh(provider, stolen.json()["refresh_token"], thief.proof("POST", TOKEN)), "invalid_grant")


def test_a_proof_replayed_at_another_replica(provider: Provider, owner: FakeWallet) -> None:
    replica, first = provider.restarted(), sign_in(provider, owner)
    proof = owner.proof("POST", TOKEN)
    successor = refresh(provider, first["refresh_token"], proof).json()["refresh_token"]
    refused(refresh(replica, successor, proof))
    token = first["access_token"]
    proof = owner.proof("GET", USERINFO, access_token=token)
    assert userinfo(provider, "GET", token, proof).status_code == 200
    refused(userinfo(replica, "GET", token, proof), status=401)


def test_a_proof_replayed_by_another_method_at_another_path_or_with_another_query(
    provider: Provider, owner: FakeWallet
) -> None:
    token = sign_in(provider, owner)["access_token"]
    proof = owner.proof("GET", USERINFO, access_token=token)
    refused(userinfo(provider, "POST", token, proof), status=401)
    elsewhere = owner.proof("GET", f"{ISSUER}/token", access_token=token)
    refused(userinfo(provider, "GET", token, elsewhere), status=401)
    assert userinfo(provider, "GET", token, proof).status_code == 200
    headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
    refused(provider.http.get("/userinfo?again=1", headers=headers), status=401)


def test_a_proof_replayed_with_another_token_of_the_same_key(provider: Provider, owner: FakeWallet) -> None:
    tokens = sign_in(provider, owner)
    other = refresh(provider, tokens["refresh_token"], owner.proof("POST", TOKEN)).json()["access_token"]
    proof = owner.proof("GET", USERINFO, access_token=tokens["access_token"])
    refused(userinfo(provider, "GET", other, proof), status=401)


def test_a_proof_is_replayed_after_the_mac_keys_have_rotated(
    provider: Provider, owner: FakeWallet, clock: SettableClock
) -> None:
    """A nonce of the old key is still good for its minutes; a proof that was used stays used."""
    late = FakeWallet(clock=SettableClock(clock.now().replace(year=2031)), key=owner.key)
    first = sign_in(provider, owner)["refresh_token"]
    nonce = refresh(provider, first, late.proof("POST", TOKEN)).headers["DPoP-Nonce"]
    proof = late.proof("POST", TOKEN, nonce=nonce)
    successor = refresh(provider, first, proof).json()["refresh_token"]
    old = provider.settings.refresh_mac_keys.get_secret_value()
    new = "bm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm5ubm4"
    rotated = provider.restarted(refresh_mac_keys=f"{new},{old}")
    refused(refresh(rotated, successor, proof))
    assert refresh(rotated, successor, late.proof("POST", TOKEN, nonce=nonce)).status_code == 200
    clock.advance(minutes=6)
    refused(refresh(rotated, successor, late.proof("POST", TOKEN, nonce=nonce)), "use_dpop_nonce")


def test_a_stolen_code_is_of_no_use_without_the_key_that_it_was_asked_for_with(
    provider: Provider, owner: FakeWallet, thief: FakeWallet
) -> None:
    """Somebody who sees both code and verifier (a leaking app) still lacks the key, and burns nothing."""
    code = code_of(provider.browser().sign_in(ALICE, dpop_jkt=owner.jkt))
    refused(redeem(provider, code, thief.proof("POST", TOKEN)))
    refused(redeem(provider, code, thief.proof("POST", TOKEN, header={"jwk": owner.jwk})))
    assert redeem(provider, code, owner.proof("POST", TOKEN)).status_code == 200


def test_a_lost_answer_in_the_middle_of_a_nonce_retry_signs_nobody_out(
    provider: Provider, owner: FakeWallet, clock: SettableClock
) -> None:
    token = sign_in(provider, owner)["refresh_token"]
    late = FakeWallet(clock=SettableClock(clock.now().replace(year=2031)), key=owner.key)
    nonce = refresh(provider, token, late.proof("POST", TOKEN)).headers["DPoP-Nonce"]
    lost = refresh(provider, token, late.proof("POST", TOKEN, nonce=nonce)).json()["refresh_token"]
    clock.advance(hours=2)
    answer = refresh(provider, token, late.proof("POST", TOKEN, nonce=nonce))
    refused(answer, "use_dpop_nonce")
    again = refresh(provider, token, late.proof("POST", TOKEN, nonce=answer.headers["DPoP-Nonce"]))
    assert again.json()["refresh_token"] == lost


def test_an_app_that_updates_itself_between_retries_is_no_thief(
    provider: Provider, clock: SettableClock, owner: FakeWallet
) -> None:
    token = sign_in(provider, owner)["refresh_token"]
    for number in range(8):
        successor = refresh(provider, token, owner.proof("POST", TOKEN), agent=f"Phone/{number}").json()
        answer = refresh(provider, token, owner.proof("POST", TOKEN), agent=f"Phone/{number}.1")
        assert answer.status_code == 200
        token = successor["refresh_token"]
        clock.advance(minutes=10)
