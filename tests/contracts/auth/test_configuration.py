"""Applying configuration is idempotent on both backends, and keeps what it does not name."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.auth.accounts.password import hash_password, verify_password
from services.auth.accounts.sealed_password import open_hash
from services.auth.keys.key_ring import KeyRing
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.parse import Configuration, parse_configuration
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.storage.tables import clients, totp_credentials, users
from shared.config_file import load_config
from shared.errors import ConfigurationError
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
    assert alice is not None and verify_password("wonderland-tea-party", open_hash(RING, alice.id, alice.password_hash))
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
    assert apply(stage, changed) == ["change user alice: password", "remove second factor of user bob"]
    assert apply(stage, changed) == []
    assert count(stage, totp_credentials) == 0 and before
    with stage.auth.autocommit() as stores:
        bob = stores.users.find(UUID(BOB))
    assert bob is not None and not bob.has_totp
    assert verify_password("builder-yes-we-can", open_hash(RING, bob.id, bob.password_hash))
    assert count(stage, users) == 3


def test_an_entry_that_leaves_something_out_changes_none_of_it(stage: Stage) -> None:
    seeds = load_config(ROOT / "config" / "local.yaml")
    apply(stage, parse_configuration(seeds, local=True))
    sparse = [{name: user[name] for name in ("sub", "username", "password")} for user in seeds["users"]]
    assert apply(stage, local(users=sparse)) == []
    assert count(stage, totp_credentials) == 1
    assert apply(stage, local(users=[{**sparse[1], "totp_secret": None, "team": "elsewhere"}])) == [
        "change user bob: team",
        "remove second factor of user bob",
    ]


def test_a_plan_names_the_fields_and_no_value(stage: Stage) -> None:
    seeds = load_config(ROOT / "config" / "local.yaml")
    apply(stage, parse_configuration(seeds, local=True))
    clients = [{**one, "require_mfa": True} if one["client_id"] == "partner-web" else one for one in seeds["clients"]]
    clients += [{**seeds["clients"][3], "client_id": "new-job"}]
    changes = apply(stage, local(clients=clients), write=False)
    assert changes == ["change client partner-web: require_mfa", "add client new-job"]


def test_what_the_file_drops_stays_until_it_is_pruned(stage: Stage) -> None:
    seeds = local()
    apply(stage, seeds)
    fewer = seeds.model_copy(update={"clients": seeds.clients[:-1], "users": seeds.users[:2]})
    assert apply(stage, fewer) == []
    pruned = ["disable client app", "disable client orders-api", "disable user carol"]

    def prune(*, write: bool) -> list[str]:
        with stage.sql.unit_of_work() as db:
            store = SqlConfigurationStore(db)
            return apply_configuration(store, fewer, keys=RING, write=write, now=NOON, prune=True)

    assert set(prune(write=False)) >= set(pruned)
    assert set(prune(write=True)) >= set(pruned) and prune(write=True) == []
    with stage.auth.autocommit() as stores:
        gone, kept = stores.clients.find("orders-api"), stores.clients.find("mobile-app")
    assert gone is not None and gone.disabled_at is not None
    assert kept is not None and kept.disabled_at is None


def test_an_identifier_is_not_moved_unseen(stage: Stage) -> None:
    apply(stage, local())
    content = load_config(ROOT / "config" / "local.yaml", {"CRM_AUDIENCE": "https://moved.example"})
    moved = parse_configuration(content, local=True)
    with pytest.raises(ConfigurationError, match="--plan, then apply with --yes"), stage.sql.unit_of_work() as db:
        apply_configuration(SqlConfigurationStore(db), moved, keys=RING, write=True, now=NOON, confirmed=False)
    assert "remove api http://localhost:9001" in apply(stage, moved, write=False)
    assert apply(stage, local()) == [], "nothing of it was written"


def test_production_takes_users_with_a_hash_that_counts_once_or_without_a_password(stage: Stage) -> None:
    entries: list[dict[str, Any]] = [
        {"sub": str(UUID(int=21)), "username": "dinah", "password_hash": hash_password("a-teapot-full-of-rain")},
        {"sub": str(UUID(int=22)), "username": "lacie", "claims": {"email": "l@c.example", "email_verified": True}},
    ]
    production = parse_configuration({"users": entries}, local=False)
    assert apply(stage, production) == ["add user dinah", "add user lacie"]
    with stage.auth.transaction() as stores:
        dinah, lacie = (stores.users.find(UUID(int=number)) for number in (21, 22))
        assert dinah is not None and verify_password(
            "a-teapot-full-of-rain", open_hash(RING, dinah.id, dinah.password_hash)
        )
        assert lacie is not None and (dinah.state, lacie.state) == ("active", "invited")
        assert stores.users.find_for_sign_in("l@c.example") == lacie
        stores.people.set_password(dinah.id, hash_password("chosen-since-by-herself"), NOON)
    assert apply(stage, production) == [], "what she has chosen since stays"
    entries[0]["username"] = "l@c.example"
    with pytest.raises(ConfigurationError, match="is another user's"):
        apply(stage, parse_configuration({"users": entries}, local=False))
