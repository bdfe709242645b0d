"""Consents and pushed requests on both backends (ADR-0022, RFC 9126)."""

from datetime import timedelta
from uuid import UUID

from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import NOON, Stage
from tests.contracts.auth.test_stores import BROWSER, HANDLE, wait


def test_a_pushed_request_is_claimed_once_and_bound_by_nothing_else(stage: Stage) -> None:
    wait(stage, None, pushed=True)
    later = NOON + timedelta(minutes=15)
    with stage.auth.autocommit() as stores:
        requests = stores.waiting_requests
        requests.bind(HANDLE, BROWSER, NOON)
        assert requests.find(HANDLE, BROWSER, NOON) is None, "a handle alone does not open it"
        assert requests.find_pushed(HANDLE, later) is None
        requests.claim_pushed(HANDLE, BROWSER, network="192.0.2.1", expires_at=later, now=later)
        assert requests.find(HANDLE, BROWSER, NOON) is None, "expired"
        assert requests.find_pushed(HANDLE, NOON) is not None
        requests.claim_pushed(HANDLE, BROWSER, network="192.0.2.1", expires_at=later, now=NOON)
        requests.claim_pushed(HANDLE, b"x" * 32, network="192.0.2.1", expires_at=later, now=NOON)
        assert requests.find_pushed(HANDLE, NOON) is None
        found = requests.find(HANDLE, BROWSER, NOON)
        assert found is not None and (found.pushed, found.expires_at) == (False, later)
        assert requests.find(HANDLE, b"x" * 32, NOON) is None


def test_consents_add_up_and_belong_to_one_user_and_client(stage: Stage) -> None:
    with stage.auth.transaction() as stores:
        stores.consents.add(UUID(ALICE), "app", frozenset({"openid"}), NOON)
        stores.consents.add(UUID(ALICE), "app", frozenset({"openid", "offline_access"}), NOON)
    with stage.auth.transaction() as stores:
        both = frozenset({"openid", "offline_access"})
        assert stores.consents.find(UUID(ALICE), "app") == both
        assert stores.consents.find(UUID(BOB), "app") == frozenset()
        assert stores.consents.find(UUID(ALICE), "other") == frozenset()
        assert not stores.consents.remove(UUID(BOB), "app")
        assert stores.consents.remove(UUID(ALICE), "app")
        assert stores.consents.find(UUID(ALICE), "app") == frozenset()
