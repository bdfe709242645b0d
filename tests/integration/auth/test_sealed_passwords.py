"""Passwords at rest: sealed beside Argon2id, and renewed at sign-in (ADR-0094)."""

import pytest
from passlib.hash import argon2

from services.auth.accounts.sealed_password import PREFIX, open_hash, seal_hash
from services.auth.accounts.user import User
from services.auth.app import encryption_keys
from services.auth.keys.key_ring import KeyRing
from services.auth.storage.sealed import reseal_all
from shared.errors import ConfigurationError
from tests.integration.auth.provider import Provider, code_of
from tests.integration.auth.seeds import ALICE

WEAK = argon2.using(type="ID", memory_cost=8192, time_cost=1, parallelism=1)


def user(provider: Provider, name: str = "alice") -> User:
    with provider.context.database.autocommit() as stores:
        found = stores.users.find_by_username(name)
    assert found is not None and found.password_hash is not None
    return found


def opened(provider: Provider) -> str:
    alice = user(provider)
    found = open_hash(encryption_keys(provider.settings), alice.id, alice.password_hash)
    assert found is not None
    return found


def test_a_copy_of_the_database_holds_no_hash_to_guess_at(provider: Provider) -> None:
    stored = user(provider).password_hash or ""
    assert stored.startswith(PREFIX) and "argon2" not in stored
    assert opened(provider).startswith("$argon2id$")


def test_a_hash_that_was_put_into_another_users_row_opens_nothing(provider: Provider) -> None:
    stored = user(provider, "bob").password_hash
    provider.sql("UPDATE users SET password_hash = :stored WHERE username = 'alice'", stored=stored)
    with pytest.raises(ConfigurationError):
        opened(provider)


@pytest.mark.parametrize("sealed", [False, True])
def test_an_outdated_hash_is_made_anew_at_the_next_sign_in(provider: Provider, *, sealed: bool) -> None:
    weak = WEAK.hash(ALICE[1])
    before = seal_hash(encryption_keys(provider.settings), user(provider).id, weak) if sealed else weak
    provider.sql("UPDATE users SET password_hash = :before WHERE username = 'alice'", before=before)
    valid_from = user(provider).tokens_valid_from
    assert provider.browser().sign_in((ALICE[0], "wrong")).status_code in {303, 400}
    assert user(provider).password_hash == before, "by the right password alone"
    assert code_of(provider.browser().sign_in(ALICE))
    assert user(provider).password_hash != before and "m=19456,t=2" in opened(provider)
    assert user(provider).tokens_valid_from == valid_from, "nobody is signed out by it"
    renewed = user(provider).password_hash
    assert code_of(provider.browser().sign_in(ALICE))
    assert user(provider).password_hash == renewed, "once"


def test_an_old_key_leaves_the_ring_without_anybodys_password(provider: Provider) -> None:
    old = encryption_keys(provider.settings)
    ring = KeyRing.of(b"n" * 32, *old.keys.values())
    counts = {each.what: (each.count, each.faults) for each in reseal_all(provider.database, ring)}
    assert counts["passwords"] == (3, ())
    alice = user(provider)
    assert open_hash(KeyRing.of(b"n" * 32), alice.id, alice.password_hash)
    assert {each.what: each.count for each in reseal_all(provider.database, ring)}["passwords"] == 0
