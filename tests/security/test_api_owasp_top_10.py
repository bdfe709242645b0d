"""The OWASP API Security Top 10 (2023), each tried at both APIs.

API7 (server side request forgery) has nothing to hold on to: no member, parameter or header of theirs is an address
that a server would fetch; a test below says so of their descriptions.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.asgi import BODY_LIMIT
from shared.testing import CAROL
from tests.support.apis import ALICES, BOBS, MARK, SERVICES, UNKNOWN, Api, running_api

MACHINE: dict[str, Any] = {"sub": "client:job", "groups": [], "roles": []}
OWNERSHIP = ("id", "owner", "owner_sub", "owner_team", "created_at", "updated_at", "version", "deleted_at", "is_admin")


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with running_api(request.param, tmp_path) as running:
        running.seed(count=2)
        yield running


def operations(api: Api) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = api.client.get("/openapi.json").json()
    for path, ways in document["paths"].items():
        for method, operation in ways.items():
            yield method.upper(), path, operation


def of_one_record(api: Api) -> Iterator[tuple[str, str]]:
    """Yield method and path of every operation on one record, its id replaced by each of alice's."""
    for method, path, _ in operations(api):
        if "{" in path:
            start, rest = path.split("/{", 1)
            for at in api.seeded:
                if at.startswith(f"{start}/"):
                    yield method, at + rest.partition("}")[2]


def bodies(api: Api, path: str) -> dict[str, Any]:
    """Return a body that fits there for somebody who owns the record."""
    if path.endswith("_id}") or path.rsplit("/", 1)[1].count("-") == 4:
        return {"subject": "x"} if "activities" in path else {"name": "x"} if api.name == "crm" else {}
    return {}


# ---------------------------------------------------------------- API1: broken object level authorization


def test_api1_no_operation_reaches_a_record_by_a_foreign_id(api: Api) -> None:
    before = api.kept()
    tried = list(of_one_record(api))
    assert len(tried) >= 2
    for method, path in tried:
        foreign = api.call(BOBS, method, path, bodies(api, path))
        assert foreign.status_code in {404, 422}, f"{method} {path}: {foreign.status_code}"
        assert MARK not in foreign.text
    assert api.kept() == before


def test_api1_a_foreign_id_and_an_unknown_one_look_alike(api: Api) -> None:
    for method, path in of_one_record(api):
        at = next(at for at in api.seeded if path.startswith(at))
        unknown = path.replace(at.rsplit("/", 1)[1], UNKNOWN)
        answers = [api.call(BOBS, method, to, bodies(api, path)) for to in (path, unknown)]
        assert answers[0].status_code == answers[1].status_code
        assert {**answers[0].json(), "instance": ""} == {**answers[1].json(), "instance": ""}


@pytest.mark.parametrize(
    "claims",
    [
        BOBS,
        {**BOBS, "roles": ["manager"]},
        {**BOBS, "roles": ["admin", "manager"], "groups": ["manager"]},
        {**BOBS, "groups": ["sales"]},  # a colleague without a role
        {**BOBS, "groups": ["support", "sales"], "roles": ["manager"]},  # the team is the one that comes first
        {**BOBS, "groups": [], "roles": ["manager"]},
        {**BOBS, "scope": "{api}:read {api}:read:all"},  # for machine clients alone
        {**MACHINE, "scope": "{api}:read"},
        {"sub": CAROL, "groups": ["Sales"], "roles": ["manager"]},
    ],
)
def test_api1_lists_show_nobody_elses_records(api: Api, claims: dict[str, Any]) -> None:
    if "scope" in claims:
        claims = {**claims, "scope": claims["scope"].format(api=api.name)}
    for path in api.lists:
        answer = api.call(claims, "GET", path)
        assert (answer.status_code, answer.json()["items"]) == (200, [])


def test_api1_a_cursor_of_somebody_elses_list_shows_their_next_page_to_nobody(api: Api) -> None:
    for path in api.lists:
        cursor = api.call(ALICES, "GET", f"{path}?limit=1").json()["next_cursor"]
        answer = api.call(BOBS, "GET", f"{path}?limit=1&cursor={cursor}")
        assert answer.status_code == 422 or answer.json()["items"] == []
        assert MARK not in answer.text


# ---------------------------------------------------------------- API2: broken authentication


def test_api2_every_operation_wants_a_token_and_says_how_to_get_one(api: Api) -> None:
    for method, path, operation in operations(api):
        assert operation["security"], f"{method} {path}"
        answer = api.client.request(method, path.split("{", 1)[0] + (UNKNOWN if "{" in path else ""))
        if answer.status_code != 405:
            assert answer.status_code == 401, f"{method} {path}"
            assert "resource_metadata=" in answer.headers["WWW-Authenticate"]


def test_api2_a_forged_token_reaches_nothing(api: Api) -> None:
    good = api.issuer.access_token(**ALICES)
    for bad in (api.issuer.forged(good), api.issuer.unsigned(good), api.issuer.hs256(good), api.issuer.id_token()):
        for path in (*api.lists, *api.seeded):
            answer = api.client.get(path, headers={"Authorization": f"Bearer {bad}"})
            assert answer.status_code == 401 and MARK not in answer.text


# ---------------------------------------------------------------- API3: broken object property level authorization


@pytest.mark.parametrize("member", OWNERSHIP)
def test_api3_nobody_says_of_a_record_what_is_not_theirs_to_say(api: Api, member: str) -> None:
    before = api.kept()
    for path, body in api.lists.items():
        count = len(api.ids(path))
        assert api.call(ALICES, "POST", path, {**body(), member: BOBS["sub"]}).status_code == 422
        assert len(api.ids(path)) == count
    for method, path in of_one_record(api):
        if method == "PATCH":
            answer = api.call(ALICES, method, path, {**bodies(api, path), member: BOBS["sub"]})
            assert answer.status_code == 422, path
    assert api.kept() == before


def test_api3_no_answer_says_who_owns_a_record(api: Api) -> None:
    for path in (*api.lists, *api.seeded):
        text = api.call(ALICES, "GET", path).text
        assert ALICES["sub"] not in text and "owner" not in text and "search_text" not in text


# ---------------------------------------------------------------- API4: unrestricted resource consumption


def test_api4_bodies_pages_and_queries_are_bounded(api: Api) -> None:
    for path, body in api.lists.items():
        padded = json.dumps(body()) + " " * BODY_LIMIT
        headers = {**api.headers(ALICES), "Content-Type": "application/json"}
        assert api.client.post(path, content=padded, headers=headers).status_code == 413
        for query in ("limit=201", "limit=0", "limit=-1", "limit=99999999999999999999", "cursor=" + "A" * 5000):
            assert api.call(ALICES, "GET", f"{path}?{query}").status_code == 422


def test_api4_a_deep_body_is_refused_and_not_descended_into(api: Api) -> None:
    headers = {**api.headers(ALICES), "Content-Type": "application/json"}
    for path in api.lists:
        for deep in ("[" * 60_000, '{"a":' * 10_000 + "1" + "}" * 10_000, '{"name": ' + "9" * 60_000 + "}"):
            assert api.client.post(path, content=deep, headers=headers).status_code in {400, 422}


def test_api4_every_text_and_list_of_a_request_has_a_limit(api: Api) -> None:
    schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
    unbounded = [
        f"{name}.{member}"
        for name, schema in schemas.items()
        if name.endswith(("In", "Patch"))
        for member, said in schema["properties"].items()
        for one in said.get("anyOf", [said])
        if (one.get("type") == "string" and not {"format", "maxLength", "pattern", "enum", "const"} & set(one))
        or (one.get("type") == "array" and "maxItems" not in one)
    ]
    assert unbounded == []


# ---------------------------------------------------------------- API5: broken function level authorization


def test_api5_a_reader_changes_nothing_and_a_machine_neither(api: Api) -> None:
    before = api.kept()
    everything = f"{api.name}:read {api.name}:write {api.name}:read:all"
    for claims in ({**ALICES, "scope": f"{api.name}:read"}, {**MACHINE, "scope": everything}):
        for path, body in api.lists.items():
            assert api.call(claims, "POST", path, body()).status_code == 403
        for method, path in of_one_record(api):
            if method != "GET":
                answer = api.call(claims, method, path, bodies(api, path))
                assert answer.status_code in {401, 403, 404, 422}, f"{method} {path}: {answer.status_code}"
    assert api.kept() == before


def test_api5_the_other_apis_scopes_open_nothing(api: Api) -> None:
    other = next(name for name in SERVICES if name != api.name)
    claims = {**ALICES, "scope": f"{other}:read {other}:write {other}:read:all openid"}
    for path, body in api.lists.items():
        assert api.call(claims, "GET", path).status_code == 403
        assert api.call(claims, "POST", path, body()).status_code == 403


# ---------------------------------------------------------------- API6: unrestricted access to sensitive business flows


def test_api6_a_request_that_is_sent_over_and_over_is_done_once(api: Api) -> None:
    for path, body in api.lists.items():
        said, count = body(), len(api.ids(path))
        answers = [api.call(ALICES, "POST", path, said, {"Idempotency-Key": "k"}) for _ in range(5)]
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert len(api.ids(path)) == count + 1


def test_api6_anothers_idempotency_key_answers_nothing_of_theirs(api: Api) -> None:
    path, body = next(iter(api.lists.items()))
    said = body()
    hers = api.call(ALICES, "POST", path, said, {"Idempotency-Key": "k"})
    his = api.call(BOBS, "POST", path, said, {"Idempotency-Key": "k"})
    assert his.status_code == 201 and his.json()["id"] != hers.json()["id"]


# ---------------------------------------------------------------- API7: server side request forgery


def test_api7_no_request_names_an_address_to_fetch(api: Api) -> None:
    document = api.client.get("/openapi.json").text.lower()
    for word in ('"format":"uri"', '"url"', '"callback', '"webhook', '"href"'):
        assert word not in document


# ---------------------------------------------------------------- API8: security misconfiguration


def test_api8_errors_tell_nothing_of_the_inside_and_no_cache_keeps_an_answer(api: Api) -> None:
    for path in (*api.lists, *api.seeded):
        for query in ("?limit='", "?cursor=%00", "?x=1", ""):
            answer = api.call(ALICES, "GET", path + query)
            assert answer.headers["Cache-Control"] == "no-store"
            for word in ("Traceback", "sqlalchemy", "SELECT ", "site-packages", "pydantic"):
                assert word not in answer.text


def test_api8_other_methods_are_refused(api: Api) -> None:
    for path in (*api.lists, *api.seeded):
        for method in ("PUT", "TRACE", "CONNECT", "PROPFIND"):
            answer = api.call(ALICES, method, path)
            assert answer.status_code == 405 and answer.headers["Allow"]


# ---------------------------------------------------------------- API9: improper inventory management


def test_api9_every_route_is_described(api: Api) -> None:
    described = {(method, path) for method, path, _ in operations(api)}
    assert {path for _, path in described} == {path for path in api.app.openapi()["paths"] if path.startswith("/api/")}
    for path in ("/api", "/api/v1", "/api/admin", "/docs/../admin", "/debug", "/redoc"):
        assert api.call(ALICES, "GET", path).status_code == 404


# ---------------------------------------------------------------- API10: unsafe consumption of APIs


def test_api10_what_a_record_names_is_a_name_and_no_more(api: Api) -> None:
    """A text that came from elsewhere is kept and given back as it is: never run, never part of a statement."""
    nasty = "'; DROP TABLE contacts; -- <script>alert(1)</script> {{7*7}} ${jndi:x} %s %n"
    for path, body in api.lists.items():
        said = json.loads(json.dumps(body()).replace(MARK, json.dumps(nasty)[1:-1]))
        made = api.call(ALICES, "POST", path, said)
        assert made.status_code == 201, made.text
        assert nasty in json.dumps(api.call(ALICES, "GET", made.headers["Location"]).json(), ensure_ascii=False)
