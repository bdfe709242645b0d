"""A flood from one network gets 429 with Retry-After, each address in its own format; others go on."""

from pathlib import Path

import pytest
from sqlalchemy import select

from services.auth.app import ENDPOINTS
from services.auth.endpoints.web.endpoint import Endpoint, Kind
from services.auth.rate_limits.limits import Limit
from services.auth.storage.tables import audit_events
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, error_of, oauth_error, start

FLOODED = "There were too many requests from your network. Please try again shortly."


@pytest.fixture
def limited(tmp_path: Path, clock: SettableClock) -> Provider:
    limits = dict.fromkeys(("rate_limit_authorize", "rate_limit_token", "rate_limit_sign_in"), "2/hour")
    return start(tmp_path, clock, **limits)


def test_token_answers_429_in_its_own_format(limited: Provider) -> None:
    for _ in range(2):
        assert oauth_error(limited.refresh("nonsense")) == "invalid_grant"
    refused = limited.refresh("nonsense")
    assert oauth_error(refused, status=429) == "temporarily_unavailable"
    assert int(refused.headers["retry-after"]) >= 1
    stop(limited)


def test_authorize_answers_429_with_a_page_to_that_network_alone(limited: Provider) -> None:
    flooding = limited.browser()
    for _ in range(2):
        assert flooding.authorize().status_code == 303
    refused = flooding.authorize()
    assert (refused.status_code, error_of(refused)) == (429, FLOODED)
    assert int(refused.headers["retry-after"]) >= 1
    assert limited.browser(network="192.0.2.77").authorize().status_code == 303
    stop(limited)


@pytest.mark.requirement("RFC9700-4.13-auth")
@pytest.mark.parametrize(
    ("trusted", "forwarded", "seen"),
    [
        ("", "203.0.113.9", "192.0.2.1"),  # nobody is trusted: the header is what the caller likes
        ("198.51.100.0/24", "203.0.113.9", "192.0.2.1"),  # somebody else is
        ("192.0.2.0/24", "203.0.113.9", "203.0.113.9"),
        ("192.0.2.0/24", "10.0.0.1, 203.0.113.9", "203.0.113.9"),  # what the caller wrote before the proxy did
        ("192.0.2.0/24,10.0.0.0/8", "203.0.113.9, 10.0.0.1", "203.0.113.9"),  # two proxies in a row
        ("192.0.2.0/24", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("192.0.2.0/24", "::ffff:203.0.113.9", "203.0.113.9"),
        ("192.0.2.0/24", "203.0.113.8:51234", "203.0.113.8"),  # as balancers of some clouds write it
        ("192.0.2.0/24", "[2001:db8:1:2::1]:443", "2001:db8:1:2::/64"),
        ("192.0.2.0/24", "nonsense", "192.0.2.1"),
        ("192.0.2.0/24", "203.0.113.9, nonsense", "192.0.2.1"),
    ],
)
def test_forwarding_headers_are_believed_from_trusted_proxies_alone(
    tmp_path: Path, clock: SettableClock, trusted: str, forwarded: str, seen: str
) -> None:
    provider = start(tmp_path, clock, trusted_proxies=trusted)
    browser = provider.browser(network="192.0.2.1")
    browser.http.headers["X-Forwarded-For"] = forwarded
    browser.enter_password(browser.open(), ("nobody", "a wrong password"))
    with provider.database.autocommit() as db:
        assert db.execute(select(audit_events.c.network)).scalars().all() == [seen]
    stop(provider)


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.limit and each.limit is not Limit.SIGN_IN])
def test_a_flood_at_one_address_is_stopped_by_the_limit_that_it_declares(
    tmp_path: Path, clock: SettableClock, endpoint: Endpoint
) -> None:
    limited = start(tmp_path, clock, **{f"rate_limit_{endpoint.limit}": "1/hour"})
    for number, method in enumerate(endpoint.handlers, 1):
        form = {"client_id": "mobile-app"} if method == "POST" else None
        sender = limited.browser(network=f"192.0.2.{number}").http
        assert sender.request(method, endpoint.path, data=form).status_code != 429
        refused = sender.request(method, endpoint.path, data=form)
        assert refused.status_code == 429, method
        page = refused.headers["content-type"].startswith("text/html")
        assert page == (endpoint.kind is Kind.PAGE)
    stop(limited)


def test_a_flood_of_sign_outs_leaves_signing_in_alone(tmp_path: Path, clock: SettableClock) -> None:
    limited = start(tmp_path, clock, rate_limit_logout="1/hour")
    browser = limited.browser()
    assert [browser.http.get("/logout").status_code for _ in range(2)] == [200, 429]
    assert browser.authorize().status_code == 303
    stop(limited)
