"""Applying configuration is idempotent on both backends, and keeps what it does not name."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from services.auth.accounts.password import verify_password
from services.auth.keys.key_ring import KeyRing
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.parse import Configuration, parse_configuration
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.storage.tables import clients, totp_credentials, users
from shared.config_file import load_config
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import NOON, Stage, bit, new_family, new_session
from tests.integration.auth.seeds import ROOT

RING = KeyRing.of(b"k" * 32)


def local(**changes: Any) -> Configuration:
    return parse_configuration({**load_config(ROOT / "config" / "local.yaml"), **changes}, local=True)


def apply(stage: Stage, configuration: Configuration, *, write: bool = True) -> list[str]:
    with stage.sql.unit_of_work() as db:
        store = SqlConfigurationStore(db)
        return apply_configuration(store, configuration, keys=RING, write=write, now=NOON + timedelta(hours=1))


def count(stage: Stage, table: Any) -> int:
    with stage.sql.autocommit() as db:
        return int(db.execute(select(func.count()).select_from(table)).scalar_one())


def test_the_local_seeds_apply_once_and_then_there_is_nothing_to_do(stage: Stage) -> None:
    seeds = local()
    before = count(stage, clients)
    planned = apply(stage, seeds, write=False)
    assert count(stage, clients) == before, "a plan writes nothing"
    assert apply(stage, seeds) == planned and len(planned) > 10
    assert apply(stage, seeds, write=False) == apply(stage, seeds) == []
    assert count(stage, clients) == before + len(seeds.clients), "the client that the file does not name is still there"
    with stage.auth.autocommit() as stores:
        alice, bob = stores.users.find(UUID(ALICE)), stores.users.find_by_username("bob")
        assert stores.users.find_by_username("carol") is not None
    assert alice is not None and verify_password("wonderland-tea-party", alice.password_hash)
    assert bob is not None and bob.has_totp and str(bob.id) == BOB


def test_a_changed_password_or_factor_signs_its_user_out(stage: Stage) -> None:
    """Of alice the password, of bob the factor is changed; carol gets one, and is only told another name."""
    seeds = local()
    apply(stage, seeds)
    alice, bob, carol = seeds.users
    sessions = {user.sub: new_session(user_id=user.sub) for user in seeds.users}
    families = {sub: new_family(session) for sub, session in sessions.items()}
    with stage.auth.transaction() as stores:
        for sub, session in sessions.items():
            stores.sessions.add(session)
            stores.families.add(families[sub])
    people = [
        alice.model_copy(update={"password": "another-passphrase"}),
        bob.model_copy(update={"totp_secret": None}),
        carol.model_copy(update={"totp_secret": "A" * 32, "claims": {"name": "C."}}),
    ]
    changed = seeds.model_copy(update={"users": people})
    apply(stage, changed, write=False)
    ended = {}
    for planned in (True, False):
        if not planned:
            apply(stage, changed)
        for sub, family in families.items():
            with stage.auth.autocommit() as stores:
                found = stores.families.find(family.id)
            assert found is not None
            ended[sub, planned] = (found.revoked_at is not None, bit(stage, found.status))
    assert {ended[user.sub, True] for user in people} == {(False, False)}, "a plan ends nothing"
    assert [ended[user.sub, False] for user in people] == [(True, True), (True, True), (False, False)]


def test_a_changed_password_or_factor_is_the_only_change(stage: Stage) -> None:
    seeds = local()
    apply(stage, seeds)
    with stage.sql.autocommit() as db:
        before = db.execute(select(totp_credentials.c.sealed_secret)).scalar_one()
    people = [user.model_copy(update={"password": "another-passphrase"}) for user in seeds.users[:1]]
    people += [user.model_copy(update={"totp_secret": None}) for user in seeds.users[1:2]]
    changed = seeds.model_copy(update={"users": people})
    assert apply(stage, changed) == ["user alice", "second factor of bob"]
    assert apply(stage, changed) == []
    assert count(stage, totp_credentials) == 0 and before
    with stage.auth.autocommit() as stores:
        bob = stores.users.find(UUID(BOB))
    assert bob is not None and not bob.has_totp
    assert verify_password("builder-yes-we-can", bob.password_hash)
    assert count(stage, users) == 3
