"""A revoked sign-in, seen by both APIs within the promised time, without a call a request."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from mobile.simulator import ALICE, BOB
from tests.e2e.phones import Phones, Wire, tokens_of
from tests.support.stack import Stack, running_stack

#: Scaled down: a list is fetched every two seconds and lives for eight; a process of auth looks once a second.
TTL, FETCH, REPLICA = 2, 1, 1
SCALED = {"AUTH_STATUS_TTL": str(TTL), "AUTH_STATUS_LIST_LIFETIME": "8"}


@pytest.fixture
def scaled(tmp_path: Path, http: httpx2.Client) -> Iterator[Wire]:
    with running_stack(tmp_path / "stack", SCALED) as stack:
        yield Wire(stack, http)


def seconds_until_refused(wire: Wire, access_token: str) -> float:
    """Call both APIs until both refuse; neither may ever answer anything but 200 or 401."""
    started = time.perf_counter()
    while True:
        answers = {wire.contacts(access_token).status_code, wire.orders(access_token).status_code}
        assert answers <= {200, 401}
        if answers == {401}:
            return time.perf_counter() - started
        assert time.perf_counter() - started < 60


def calls(stack: Stack, path: str) -> int:
    return len(re.findall(rf'"message": ?"GET {path} 200"', stack.log()))


def test_a_revoked_sign_in_is_refused_by_both_apis_within_the_ttl(scaled: Wire, tmp_path: Path) -> None:
    phones = Phones(scaled.stack, tmp_path)
    app, other = phones.signed_in(ALICE), phones.signed_in(BOB)
    tokens, others = tokens_of(app), tokens_of(other)
    for _ in range(50):
        assert scaled.contacts(tokens.access_token).status_code == 200
        assert scaled.orders(tokens.access_token).status_code == 200
    lists, keys = calls(scaled.stack, "/status/0"), calls(scaled.stack, "/.well-known/jwks.json")
    started = time.perf_counter()
    assert tokens.refresh_token is not None
    scaled.revoke(tokens.refresh_token)
    assert seconds_until_refused(scaled, tokens.access_token) <= TTL + 1 + REPLICA + FETCH
    assert scaled.contacts(others.access_token).status_code == 200
    looks = (time.perf_counter() - started) / TTL + 2
    assert calls(scaled.stack, "/status/0") - lists <= 2 * looks  # two APIs, and hundreds of requests
    assert calls(scaled.stack, "/.well-known/jwks.json") == keys
    phones.close()


@pytest.mark.requirement("STATUSLIST-8.3")
def test_a_revocation_is_seen_at_once_when_the_clock_has_moved_past_the_ttl(
    suite: Stack, wire: Wire, phones: Phones
) -> None:
    """At default settings, on both backends: the first request a ttl and a second later is refused."""
    tokens = tokens_of(phones.signed_in(ALICE))
    assert wire.contacts(tokens.access_token).status_code == wire.orders(tokens.access_token).status_code == 200
    assert tokens.refresh_token is not None
    wire.revoke(tokens.refresh_token)
    suite.advance(16)
    assert wire.contacts(tokens.access_token).status_code == wire.orders(tokens.access_token).status_code == 401


@pytest.mark.requirement("ASVS-7.5.2")
def test_what_a_person_ends_on_their_account_is_refused_by_both_apis_within_the_ttl(
    scaled: Wire, tmp_path: Path
) -> None:
    phones = Phones(scaled.stack, tmp_path)
    with httpx2.Client(base_url=scaled.stack.auth, follow_redirects=True) as browser:
        page = browser.get("/account/devices")
        page = browser.post(
            "/login", data=_hidden(page) | {"username": ALICE.username, "password": ALICE.password, "action": "sign-in"}
        )
        assert page.url.path == "/account/devices"
        ends = (
            ("/account/devices", "/account/devices", "end"),
            ("/account/sessions", "/account/sessions", "end-others"),
            ("/account/lost-phone", "/account/sign-in-methods", "confirm-lost-phone"),
        )
        for path, after, action in ends:
            access_token = tokens_of(phones.signed_in(ALICE)).access_token
            assert scaled.contacts(access_token).status_code == 200
            page = browser.get(path)
            # other tests of this stack have signed alice in on devices of their own: each row is ended
            forms = page.text.split("<form")[1:] if action == "end" else [f" {page.text.split('<form', 1)[1]}"]
            for form in (each for each in forms if action != "end" or 'name="id"' in each.split("</form>", 1)[0]):
                hidden = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form.split("</form>", 1)[0]))
                answer = browser.post(path, data=hidden | {"action": action})
                assert (answer.status_code, answer.url.path) == (200, after)
            assert seconds_until_refused(scaled, access_token) <= TTL + 1 + REPLICA + FETCH, action
    phones.close()


def _hidden(page: httpx2.Response) -> dict[str, str]:
    """Return the hidden fields of the page's first form."""
    form = page.text.split("<form", 1)[1].split("</form>", 1)[0]
    return dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
