"""What one subject may ask of an API in a time, told in every answer; nobody else pays for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.apis import ALICES, BOBS, SERVICES, UNKNOWN, Api, running_api


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    limits = {"rate_limit_requests": "8/minute", "rate_limit_changes": "4/minute", "rate_limit_kibibytes": "100/day"}
    with running_api(request.param, tmp_path, settings=limits) as running:
        yield running


def test_every_answer_tells_the_limits_and_what_is_left(api: Api) -> None:
    path = next(iter(api.lists))
    policy = '"requests";q=8;w=60, "changes";q=4;w=60, "kibibytes";q=100;w=86400'
    for left, address in ((7, path), (6, f"{path}/{UNKNOWN}"), (5, f"{path}?limit=0")):
        answer = api.call(ALICES, "GET", address)
        assert answer.headers["RateLimit-Policy"] == policy
        assert answer.headers["RateLimit"].startswith(f'"requests";r={left};t=')


def test_a_flood_is_refused_until_the_window_ends_and_no_other_subject_notices(api: Api) -> None:
    path = next(iter(api.lists))
    answers = [api.call(ALICES, "GET", path) for _ in range(10)]
    assert [answer.status_code for answer in answers] == [200] * 8 + [429] * 2
    refused = answers[-1]
    assert refused.json()["code"] == "too_many_requests"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert '"requests";r=0' in refused.headers["RateLimit"]
    # another client or address changes nothing, another subject is another one
    assert api.call({**ALICES, "client_id": "another-app"}, "GET", path).status_code == 429
    assert api.call(BOBS, "GET", path).status_code == 200


def test_changes_have_a_limit_of_their_own(api: Api) -> None:
    path, body = next(iter(api.lists.items()))
    made = [api.call(ALICES, "POST", path, body()) for _ in range(5)]
    assert [answer.status_code for answer in made] == [201] * 4 + [429]
    assert api.call(ALICES, "GET", path).status_code == 200


def test_what_is_sent_is_bounded_by_bytes_a_day(api: Api) -> None:
    path, body = next(iter(api.lists.items()))
    large = {**body(), "unknown": "x" * 60_000}
    assert [api.call(ALICES, "POST", path, large).status_code for _ in range(3)] == [422, 429, 429]


@pytest.mark.parametrize("space", ["", " ", "\n\t"], ids=["none", "blank", "lines"])
def test_a_body_of_thousands_of_members_is_refused_before_each_is_complained_about(api: Api, space: str) -> None:
    """Tried: 6,500 unknown members took 37 ms of the event loop, ten times a second within the limits."""
    path = next(iter(api.lists))
    sent = "{" + ",".join(f'"a{number}"{space}:1' for number in range(2001)) + "}"
    headers = {**api.headers(ALICES), "Content-Type": "application/json"}
    refused = api.client.post(path, content=sent, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert "errors" not in refused.json()


def test_text_with_thousands_of_colons_is_no_member(api: Api) -> None:
    path, body = next(iter(api.lists.items()))
    refused = api.call(ALICES, "POST", path, {**body(), "unknown": 'a":b' * 1900})
    assert [error["loc"] for error in refused.json()["errors"]] == [["body", "unknown"]]


def test_who_has_no_good_token_is_not_counted(api: Api) -> None:
    path = next(iter(api.lists))
    assert [api.client.get(path).status_code for _ in range(20)] == [401] * 20
    assert api.call(ALICES, "GET", path).headers["RateLimit"].startswith('"requests";r=7')
