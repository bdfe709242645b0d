"""Both APIs under requests made from their own descriptions, right and wrong ones, by somebody with an eye on alice.

500 seeded cases an API; 10,000 with SOAK=1, on PostgreSQL. Bob sends them, and aims a good part of them at alice's
records: by their ids in paths, queries and bodies. An oracle reads her records before and afterwards.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.apis import BOBS, MARK, SERVICES, Api, running_api
from tests.support.soak import SOAK, cases

CASES = cases(500, 10_000)
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
#: Members and parameters that hold ids of records.
REFERENCES = ("company_id", "contact_id", "customer_id")


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    # at full size on PostgreSQL, whose texts and numbers have limits that SQLite does not know
    url: str | None = request.getfixturevalue("postgres_database_url") if SOAK else None
    with running_api(request.param, tmp_path, url) as running:
        yield running


def aimed(case: Case[Any], target: str) -> None:
    """Put the id of somebody's record wherever the case has an id."""
    for name in case.path_parameters:
        case.path_parameters[name] = target
    for holder in (case.query, case.body):
        if isinstance(holder, dict):
            holder.update({name: target for name in REFERENCES if name in holder})


def send(api: Api, case: Case[Any]) -> Any:
    """Send the case as bob and return the answer."""
    made = case.as_transport_kwargs(base_url="http://testserver")
    url = urlsplit(made["url"])
    sent = {**{name: str(value) for name, value in (made["headers"] or {}).items()}, **api.headers(BOBS)}
    content = json.dumps(made["json"]).encode() if "json" in made else made.get("data")
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    elif content is not None and not isinstance(content, bytes):
        content = str(content).encode("utf-8", "surrogatepass")
    return api.client.request(
        made["method"],
        url.path + (f"?{url.query}" if url.query else ""),
        params=made.get("params"),
        content=content,
        headers=[
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in sent.items()
        ],
    )


@pytest.mark.timeout(7200 if SOAK else 120)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_no_case_is_a_server_error_and_none_reaches_what_is_alices(api: Api) -> None:
    api.seed()
    before = api.kept()
    hers = [at.rsplit("/", 1)[1] for at in api.seeded]
    bobs = [made.json()["id"] for made in _records_of_bob(api)]
    document = api.client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == sum(len(ways) for ways in document["paths"].values())
    statuses: dict[int, int] = {}

    @seed(20261126)
    @settings(
        max_examples=CASES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of([o.as_strategy(generation_mode=mode) for o in operations for mode in GenerationMode]),
        target=st.sampled_from([None, *hers, *bobs]),
    )
    def attack(case: Case[Any], target: str | None) -> None:
        if target is not None:
            aimed(case, target)
        answer = send(api, case)
        statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
        assert answer.status_code < 500, case.as_curl_command()
        assert MARK not in answer.text, f"alice's record was seen: {case.as_curl_command()}"
        shown = [one for one in hers if f'"id":"{one}"' in answer.text]
        assert not shown, f"alice's record was seen: {case.as_curl_command()}"
        if target in hers and case.path_parameters:
            # a step-up and a manager's role are asked of anybody, before the record is looked for
            step_up = "insufficient_user_authentication" in answer.headers.get("WWW-Authenticate", "")
            role = answer.status_code == 403 and answer.json()["code"] == "manager_required"
            assert step_up or role or answer.status_code in {400, 404, 413, 415, 422}, case.as_curl_command()
        case.validate_response(answer, checks=CHECKS)

    attack()
    assert api.kept() == before, "alice's records were changed"
    assert sum(statuses.values()) >= CASES
    assert statuses.get(200, 0) + statuses.get(201, 0) > CASES / 50, statuses  # it got through to the records at all


def _records_of_bob(api: Api) -> list[Any]:
    """Make records of bob's own, without the mark that tells alice's."""
    made = []
    for path, body in api.lists.items():
        plain = json.loads(json.dumps(body()).replace(MARK, "Toves").replace("jabberwock", "toves"))
        if path == "/api/activities":
            plain["contact_id"] = api.ids("/api/contacts", BOBS)[0]
        answer = api.call(BOBS, "POST", path, plain)
        assert answer.status_code == 201, answer.text
        made.append(answer)
    return made
