"""Proofs at an API: where its public address comes from, what is remembered, and for how long (RFC 9449)."""

from datetime import timedelta

import pytest

from shared.bearer import InvalidDpopProof, InvalidToken, UseDpopNonce
from shared.bearer.proofs import Proofs
from shared.dpop.nonces import Nonces
from shared.dpop.proof import LEEWAY, LIFETIME, ProofRules
from shared.testing import FakeWallet, SettableClock

API, TOKEN = "https://api.example", "an.access.token"


@pytest.fixture
def wallet(clock: SettableClock) -> FakeWallet:
    return FakeWallet(clock=clock)


def require(proofs: Proofs, wallet: FakeWallet, *sent: str, path: str = "/notes", method: str = "GET") -> None:
    proofs.require(
        [proof.encode() for proof in sent],
        method=method,
        path=path,
        access_token=TOKEN,
        jkt=wallet.jkt,
        now=wallet.clock.now(),
    )


@pytest.mark.parametrize(
    ("identifier", "path", "address"),
    [
        (API, "/notes", f"{API}/notes"),
        (f"{API}/crm", "/notes", f"{API}/crm/notes"),
        (f"{API}/crm", "/crm/notes", f"{API}/crm/notes"),
        (f"{API}/crm", "/crmx", f"{API}/crm/crmx"),
    ],
)
def test_the_address_is_the_public_one_whatever_the_proxy_takes_away(identifier: str, path: str, address: str) -> None:
    assert Proofs(identifier).address(path) == address


def test_a_proof_is_good_once_and_is_remembered_for_no_longer_than_it_is_good(
    wallet: FakeWallet, clock: SettableClock
) -> None:
    proofs, proof = Proofs(API), wallet.proof("GET", f"{API}/notes", access_token=TOKEN)
    require(proofs, wallet, proof)
    with pytest.raises(InvalidDpopProof, match="replayed"):
        require(proofs, wallet, proof)
    clock.advance(seconds=(LIFETIME + LEEWAY).total_seconds())
    require(proofs, wallet, wallet.proof("GET", f"{API}/notes", access_token=TOKEN))
    assert len(proofs) == 1
    with pytest.raises(InvalidDpopProof, match="iat"):
        require(proofs, wallet, proof)


def test_the_memory_is_bounded(wallet: FakeWallet) -> None:
    proofs = Proofs(API, limit=3)
    for _ in range(9):
        require(proofs, wallet, wallet.proof("GET", f"{API}/notes", access_token=TOKEN))
    assert len(proofs) == 3


def test_none_two_and_another_keys_proof_are_refused(wallet: FakeWallet) -> None:
    proofs, other = Proofs(API), FakeWallet(clock=wallet.clock)
    with pytest.raises(InvalidDpopProof, match="missing"):
        require(proofs, wallet)
    with pytest.raises(InvalidDpopProof, match="repeated"):
        require(proofs, wallet, *(wallet.proof("GET", f"{API}/notes", access_token=TOKEN) for _ in range(2)))
    with pytest.raises(InvalidToken, match="dpop_key"):
        require(proofs, wallet, other.proof("GET", f"{API}/notes", access_token=TOKEN))
    with pytest.raises(InvalidDpopProof):
        require(proofs, wallet, "\xff")


def test_nonces_are_good_at_every_replica_that_shares_the_keys(wallet: FakeWallet, clock: SettableClock) -> None:
    rules = ProofRules(Nonces([b"n" * 32]), require_nonce=True)
    one, replica = Proofs(API, rules), Proofs(API, rules)
    with pytest.raises(UseDpopNonce) as refusal:
        require(one, wallet, wallet.proof("GET", f"{API}/notes", access_token=TOKEN))
    nonce = refusal.value.headers()["DPoP-Nonce"]
    late = FakeWallet(clock=SettableClock(clock.now() + timedelta(days=1)), key=wallet.key)
    require(replica, wallet, late.proof("GET", f"{API}/notes", access_token=TOKEN, nonce=nonce))
    with pytest.raises(InvalidDpopProof, match="iat"):
        require(Proofs(API), wallet, late.proof("GET", f"{API}/notes", access_token=TOKEN))
