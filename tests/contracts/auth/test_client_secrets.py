"""Two secrets at a time: the newest and the one before it, whoever gave them, on both backends."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from services.auth.clients.client import Client
from services.auth.keys.key_ring import KeyRing
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.client_secrets import drop_old_secrets, rotate_secret
from services.auth.provisioning.parse import parse_configuration
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.tokens.status_list import StatusReference
from shared.errors import ConfigurationError
from tests.contracts.auth.conftest import NOON, Stage, bit
from tests.support.assertions import ec_key, public_jwk

FIRST, CHANGED = "the-files-first-secret-of-32-characters", "the-files-other-secret-of-32-characters"


def entry(secret: str | None, **changes: Any) -> dict[str, Any]:
    return {
        "client_id": "web",
        "client_name": "Web",
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": secret,
        "grant_types": ["client_credentials"],
        "scope": "crm:read",
        **changes,
    }


def apply(stage: Stage, secret: str | None = None, *, hour: int = 0, **changes: Any) -> list[str]:
    apis = [{"identifier": "https://crm.example", "name": "CRM", "scopes": [{"name": "crm:read", "description": ""}]}]
    configuration = parse_configuration({"apis": apis, "clients": [entry(secret, **changes)]}, local=False)
    with stage.sql.unit_of_work() as db:
        now, ring = NOON + timedelta(hours=hour), KeyRing.of(b"k" * 32)
        return apply_configuration(SqlConfigurationStore(db), configuration, keys=ring, write=True, now=now)


def rotate(stage: Stage, hour: int) -> str:
    with stage.auth.transaction() as stores:
        return rotate_secret(stores, "web", NOON + timedelta(hours=hour))


def drop_old(stage: Stage) -> int:
    with stage.auth.transaction() as stores:
        return drop_old_secrets(stores, "web", NOON + timedelta(days=1))


def web(stage: Stage) -> Client:
    with stage.auth.autocommit() as stores:
        client = stores.clients.find("web")
    assert client is not None
    return client


def good(stage: Stage, *secrets: str) -> list[bool]:
    return [web(stage).has_secret(secret) for secret in secrets]


def test_a_rotation_keeps_the_secret_before_and_a_third_drops_the_oldest(stage: Stage) -> None:
    apply(stage, FIRST)
    second = rotate(stage, 1)
    assert len(second) == 43 and good(stage, FIRST, second) == [True, True]
    third = rotate(stage, 2)
    assert good(stage, FIRST, second, third) == [False, True, True]
    assert drop_old(stage) == 1 and drop_old(stage) == 0
    assert good(stage, FIRST, second, third) == [False, False, True]


def test_applying_the_same_file_neither_deletes_a_rotated_secret_nor_brings_a_dropped_one_back(stage: Stage) -> None:
    apply(stage, FIRST)
    second = rotate(stage, 1)
    assert apply(stage, FIRST, hour=2) == []
    assert good(stage, FIRST, second) == [True, True]
    drop_old(stage)
    assert apply(stage, FIRST, hour=3) == []
    assert apply(stage, FIRST, hour=3, client_name="Renamed") == ["change client web: client_name"]
    assert good(stage, FIRST, second) == [False, True], "other metadata changes no secret"


def test_a_secret_that_changes_in_the_file_is_a_rotation(stage: Stage) -> None:
    apply(stage, FIRST)
    assert apply(stage, CHANGED, hour=1) == ["change client web: client_secret"]
    assert good(stage, FIRST, CHANGED) == [True, True]
    assert apply(stage, CHANGED, hour=2) == []
    drop_old(stage)
    assert good(stage, FIRST, CHANGED) == [False, True]


def test_a_rotated_secret_that_is_written_into_the_file_afterwards_changes_nothing(stage: Stage) -> None:
    apply(stage, FIRST)
    second = rotate(stage, 1)
    assert apply(stage, second, hour=2) == ["change client web: client_secret"]
    assert good(stage, FIRST, second) == [True, True] and len(web(stage).secret_hashes) == 2
    assert drop_old(stage) == 1
    assert good(stage, FIRST, second) == [False, True]


def test_a_client_that_stops_using_secrets_holds_none(stage: Stage) -> None:
    apply(stage, FIRST)
    rotate(stage, 1)
    public = {"token_endpoint_auth_method": "none", "grant_types": ["authorization_code"]}
    apply(stage, None, hour=2, redirect_uris=["https://x.example/"], **public)
    assert web(stage).secret_hashes == ()
    with pytest.raises(ConfigurationError, match="holds no secret"):
        rotate(stage, 3)


def test_an_unknown_client_gets_no_secret(stage: Stage) -> None:
    for change in (rotate_secret, drop_old_secrets):
        with pytest.raises(ConfigurationError, match="no client"), stage.auth.transaction() as stores:
            change(stores, "nobody", NOON)


def test_a_dropped_secret_ends_the_tokens_that_the_client_got_for_itself(stage: Stage) -> None:
    apply(stage, FIRST)
    with stage.auth.transaction() as stores:
        place = stores.machine_statuses.draw("web", NOON)
    rotate(stage, 1)
    with stage.auth.autocommit() as stores:
        assert stores.machine_statuses.find("web") == place, "an overlap ends nothing"
    drop_old(stage)
    with stage.auth.autocommit() as stores:
        assert stores.machine_statuses.find("web") is None


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "a-third-secret-for-the-file-of-32-characters"},
        {
            "secret": None,
            "token_endpoint_auth_method": "private_key_jwt",
            "jwks": {"keys": [public_jwk(ec_key(), "k")]},
        },
    ],
)
def test_a_file_that_drops_a_secret_ends_them_too(stage: Stage, change: dict[str, Any]) -> None:
    """Whoever found the old secret holds tokens by it."""
    apply(stage, FIRST)
    apply(stage, CHANGED, hour=1)
    place = draw(stage)
    apply(stage, hour=2, **change)
    assert bit(stage, place) and draw(stage, hour=2) != place


def test_a_file_that_drops_a_key_ends_them_and_one_that_adds_a_key_does_not(stage: Stage) -> None:
    old, new = public_jwk(ec_key(), "old"), public_jwk(ec_key(), "new")
    by_key: dict[str, Any] = {"token_endpoint_auth_method": "private_key_jwt"}
    apply(stage, jwks={"keys": [old]}, **by_key)
    place = draw(stage)
    apply(stage, jwks={"keys": [new, old]}, hour=1, **by_key)
    assert not bit(stage, place)
    apply(stage, jwks={"keys": [new]}, hour=2, **by_key)
    assert bit(stage, place)


def draw(stage: Stage, *, hour: int = 0) -> StatusReference:
    with stage.auth.transaction() as stores:
        place = stores.machine_statuses.draw("web", NOON + timedelta(hours=hour))
    assert place is not None
    return place


def test_no_secret_is_at_rest(stage: Stage) -> None:
    apply(stage, FIRST)
    secret = rotate(stage, 1)
    with stage.auth.autocommit() as stores:
        shown = stores.client_secrets.summaries("web")[0]
    assert len(shown.secrets_since) == 2
    assert secret not in repr(shown) and FIRST not in repr(shown)


def test_ten_rotations_at_once_leave_two_good_secrets(postgres_stage: Stage) -> None:
    apply(postgres_stage, FIRST)
    together = threading.Barrier(10)

    def run(number: int) -> str:
        together.wait()
        return rotate(postgres_stage, number + 1)

    with ThreadPoolExecutor(10) as pool:
        secrets = list(pool.map(run, range(10)))
    assert sum(good(postgres_stage, *secrets)) == 2 == len(web(postgres_stage).secret_hashes)
