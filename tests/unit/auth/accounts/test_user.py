"""Users: their names as typed, and the claims that scopes open (OpenID Connect Core s5.4)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.auth.accounts.user import User, normalise_username

ALICE = User(
    UUID(int=1), "alice", None, None, (), datetime(2030, 1, 1, tzinfo=UTC), None, None, has_totp=False,
    claims={"name": "Alice", "picture": None, "website": ""}, email="a@x.example",
)  # fmt: skip


@pytest.mark.requirement("OIDC-5.3")
@pytest.mark.parametrize(
    ("scope", "claims"),
    [
        ("openid", {}),
        ("openid email", {"email": "a@x.example", "email_verified": False}),
        ("profile", {"name": "Alice", "preferred_username": "alice", "updated_at": 1_893_456_000}),
        ("address phone crm:read", {}),
    ],
)
def test_a_scope_opens_its_claims_and_empty_ones_are_left_out(scope: str, claims: dict[str, Any]) -> None:
    assert ALICE.claims_for(frozenset(scope.split())) == claims


def test_a_stored_claim_cannot_forge_what_is_derived() -> None:
    forged = replace(ALICE, claims={"preferred_username": "root", "updated_at": 0, "sub": "x"})
    assert forged.claims_for(frozenset({"profile"})) == {"preferred_username": "alice", "updated_at": 1_893_456_000}


@pytest.mark.parametrize("name", [None, "", 5])
def test_without_a_name_the_user_name_is_shown(name: object) -> None:
    assert replace(ALICE, claims={"name": name}).display_name == "alice"
    assert ALICE.display_name == "Alice"


@pytest.mark.parametrize("typed", ["Alice", " alice ", "ALICE\t", "\uff41lice"])
def test_a_user_name_may_be_typed_in_any_form(typed: str) -> None:
    assert normalise_username(typed) == "alice"
