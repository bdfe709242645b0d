"""Teams at both APIs: records follow a person who moves, and managers and operators hand them over."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.testing import ALICE, BOB, CAROL
from tests.support.apis import ALICES, BOBS, SERVICES, Api, running_api

MANAGER = {"sub": CAROL, "groups": ["sales"], "roles": ["manager"]}
SUPPORTS_MANAGER = {"sub": CAROL, "groups": ["support"], "roles": ["manager"]}
MOVED = {"sub": ALICE, "groups": ["support"]}
TEAMLESS: dict[str, Any] = {"sub": ALICE, "groups": []}


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with running_api(request.param, tmp_path) as running:
        yield running


@pytest.fixture
def command(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    prefix = api.name.upper()
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setenv(f"{prefix}_DATABASE_URL", f"sqlite:///{tmp_path / f'{api.name}.sqlite3'}")
    return importlib.import_module(f"services.{api.name}.cli").main


def seen(api: Api, claims: Any) -> dict[str, set[str]]:
    return {path: set(api.ids(path, claims)) for path in api.lists}


def later(api: Api) -> None:
    api.issuer.clock.advance(seconds=2)  # type: ignore[attr-defined] # tests can set it


def everything(api: Api) -> dict[str, set[str]]:
    return {path: {at.rpartition("/")[2] for at in api.seeded if at.startswith(path)} for path in api.lists}


def nothing(api: Api) -> dict[str, set[str]]:
    return {path: set() for path in api.lists}


def reassign(api: Api, claims: Any, at: str, to: str, **headers: str) -> httpx2.Response:
    return api.call(claims, "POST", f"{at}/owner", {"owner_sub": to}, headers)


def test_who_moves_to_another_team_takes_her_records_along(api: Api) -> None:
    api.seed()
    assert seen(api, MANAGER) == everything(api)
    before = api.kept()
    later(api)
    assert seen(api, MOVED) == everything(api)  # her next token
    assert seen(api, MANAGER) == nothing(api)
    assert seen(api, SUPPORTS_MANAGER) == everything(api)
    assert api.kept() == before  # the same records, and the same entity tags


def test_an_older_token_takes_nothing_back_and_makes_records_in_the_new_team(api: Api) -> None:
    old = api.headers(ALICES)
    later(api)
    api.seed(MOVED, 1)
    path, body = next(iter(api.lists.items()))
    made = api.client.post(path, json=body(), headers=old)
    assert made.status_code == 201
    later(api)
    assert made.json()["id"] in seen(api, SUPPORTS_MANAGER)[path]
    assert seen(api, MANAGER) == nothing(api)


def test_a_traded_token_repeats_an_old_team_and_moves_nothing(api: Api) -> None:
    later(api)
    api.seed(MOVED, 1)
    later(api)
    seen(api, {**ALICES, "act": {"sub": "client:orders-api"}})
    assert seen(api, SUPPORTS_MANAGER) == everything(api)


def test_records_made_without_a_team_are_seen_once_their_owner_has_one(api: Api) -> None:
    path, body = next(iter(api.lists.items()))
    made = api.call(TEAMLESS, "POST", path, body()).json()["id"]
    assert seen(api, MANAGER) == nothing(api)
    later(api)
    assert seen(api, ALICES)[path] == {made}
    assert seen(api, MANAGER)[path] == {made}


def test_who_leaves_a_team_leaves_her_records_with_its_manager(api: Api) -> None:
    api.seed()
    later(api)
    path, body = next(iter(api.lists.items()))
    api.seeded.append(api.call(TEAMLESS, "POST", path, body()).headers["Location"])
    assert seen(api, MANAGER) == everything(api)


def test_a_manager_hands_a_record_to_a_member_of_her_team(api: Api) -> None:
    api.seed(ALICES, 1)
    colleague = {"sub": BOB, "groups": ["sales"]}
    seen(api, colleague)  # he has been here
    later(api)
    for at in api.seeded:
        etag = api.call(MANAGER, "GET", at).headers["ETag"]
        handed = reassign(api, MANAGER, at, BOB, **{"If-Match": etag})
        assert handed.status_code == 200, handed.text
        assert handed.headers["ETag"] != etag
        assert api.call(colleague, "GET", at).json() == handed.json()
        assert api.call(ALICES, "GET", at).status_code == 404
        history = api.call(MANAGER, "GET", f"{at}/history").json()["items"]
        assert history[0]["action"] == "reassign"
        assert history[0]["actor"]["sub"] == CAROL
        assert history[0]["changes"] == {"owner_sub": {"from": ALICE, "to": BOB}}
        # a retry, and one with a stale tag
        assert reassign(api, MANAGER, at, BOB).headers["ETag"] == handed.headers["ETag"]
        assert reassign(api, MANAGER, at, ALICE, **{"If-Match": etag}).status_code == 412


@pytest.mark.parametrize("to", [BOB, "nobody", "client:reports-job"])
def test_nobody_outside_the_team_can_be_handed_a_record(api: Api, to: str) -> None:
    api.seed(ALICES, 1)
    seen(api, BOBS)
    refused = reassign(api, MANAGER, api.seeded[0], to)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert refused.json()["errors"] == [{"loc": ["body", "owner_sub"], "msg": "no such member of the team"}]


@pytest.mark.parametrize("claims", [ALICES, {**MANAGER, "groups": []}, {**ALICES, "roles": ["admin"]}])
def test_only_a_manager_hands_records_over(api: Api, claims: Any) -> None:
    api.seed(ALICES, 1)
    refused = reassign(api, claims, api.seeded[0], CAROL)
    assert (refused.status_code, refused.json()["code"]) == (403, "manager_required")
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


def test_a_record_of_another_team_cannot_be_taken(api: Api) -> None:
    api.seed(ALICES, 1)
    assert reassign(api, SUPPORTS_MANAGER, api.seeded[0], CAROL).status_code == 404


def test_a_command_hands_all_records_of_a_leaver_over(
    api: Api, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    api.seed()
    seen(api, BOBS)
    assert command(["records", "reassign", "--from", ALICE, "--to", BOB]) == 0
    assert f"3 handed to {BOB}" in capsys.readouterr().out
    assert seen(api, BOBS) == everything(api)
    assert seen(api, ALICES) == nothing(api)
    assert seen(api, SUPPORTS_MANAGER) == everything(api)
    (first, *_) = api.call(BOBS, "GET", f"{api.seeded[0]}/history").json()["items"]
    assert (first["action"], first["actor"]["client_id"]) == ("reassign", "records reassign")
    assert command(["records", "reassign", "--from", ALICE, "--to", BOB]) == 0
    assert capsys.readouterr().out == "nothing to do\n"
    assert command(["records", "reassign", "--from", ALICE, "--to", ALICE]) == 1


def test_a_command_moves_a_persons_records_to_a_team(
    api: Api, command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    api.seed()
    later(api)
    assert command(["records", "move", "--sub", ALICE, "--team", "support"]) == 0
    assert f"{len(api.seeded)} records moved to support" in capsys.readouterr().out
    assert seen(api, SUPPORTS_MANAGER) == everything(api)
