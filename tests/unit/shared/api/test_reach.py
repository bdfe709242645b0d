from typing import Any

import pytest

from shared.api.reach import Owner, Reach, owner_of_new_records, reach_of
from shared.bearer import InsufficientScope
from shared.bearer.access_token import AccessTokenRules, verify
from shared.bearer.principal import Principal
from shared.testing import ALICE, FakeIssuer

ALL = "crm:read:all"


@pytest.fixture
def rules(issuer: FakeIssuer) -> AccessTokenRules:
    return AccessTokenRules(issuer.url, "http://localhost:9001", issuer.lifetime)


def principal(issuer: FakeIssuer, rules: AccessTokenRules, **claims: Any) -> Principal:
    return verify(issuer.access_token(**claims), issuer.private_key.public_key(), rules, issuer.clock.now())


def test_a_user_reaches_their_own_records(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    assert reach_of(principal(issuer, rules), all_records=ALL) == Reach(subject=ALICE)


def test_a_manager_reaches_their_teams_records_too(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    manager = principal(issuer, rules, roles=["manager"])
    assert reach_of(manager, all_records=ALL) == Reach(subject=ALICE, team="sales")


def test_a_group_named_manager_makes_no_manager(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    assert reach_of(principal(issuer, rules, groups=["manager"])).team is None


def test_a_machine_reaches_nothing_without_the_scope_for_all(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    machine: dict[str, Any] = {"sub": "client:job", "roles": ["manager"], "groups": ["sales"]}
    assert reach_of(principal(issuer, rules, **machine), all_records=ALL) == Reach()
    assert reach_of(principal(issuer, rules, **machine, scope=ALL), all_records=ALL) == Reach(everyone=True)
    assert reach_of(principal(issuer, rules, **machine, scope=ALL)) == Reach()  # the route does not accept it


def test_a_user_with_the_scope_for_all_reaches_their_own(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    assert reach_of(principal(issuer, rules, scope=ALL), all_records=ALL) == Reach(subject=ALICE)


def test_new_records_belong_to_the_caller_and_their_team(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    assert owner_of_new_records(principal(issuer, rules)) == Owner(ALICE, "sales")
    assert owner_of_new_records(principal(issuer, rules, groups=[])) == Owner(ALICE, None)


def test_a_machine_owns_nothing(issuer: FakeIssuer, rules: AccessTokenRules) -> None:
    with pytest.raises(InsufficientScope):
        owner_of_new_records(principal(issuer, rules, sub="client:job"))
