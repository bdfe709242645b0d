"""The database goes away: 503 with Retry-After in each endpoint's own format, and all is well once it is back."""

from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from services.auth.app import encryption_keys
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.rotation import RotationPolicy, rotate_in_emergency
from services.auth.storage import SqlAuthDatabase
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, code_of, error_of, hidden_fields, start_on
from tests.integration.auth.seeds import BOB, CRM, seed
from tests.support.databases import migrated
from tests.support.postgres import create_database, drop_database


def assert_unavailable(response: httpx2.Response, *, page: bool) -> None:
    assert response.status_code == 503, response.text
    assert int(response.headers["retry-after"]) >= 1
    assert response.headers["cache-control"] == "no-store"
    if page:
        assert error_of(response) == "Signing in is not possible at this moment. Please try again shortly."
    else:
        assert response.json()["error"] == "temporarily_unavailable"
    assert "psycopg" not in response.text and "postgres" not in response.text


@pytest.mark.requirement("RFC7009-2.2.1")
def test_without_its_database_every_endpoint_says_so_in_its_own_format(
    postgres_database_url: str, tmp_path: Path, clock: SettableClock
) -> None:
    database = migrated("auth", postgres_database_url)
    seed(database)
    database.dispose()
    provider: Provider = start_on(postgres_database_url, tmp_path, clock)
    tokens, browser = provider.sign_in(BOB), provider.browser()
    login = browser.open()
    code = code_of(provider.browser().sign_in())
    handle, jwks = hidden_fields(login)["request"], provider.http.get("/.well-known/jwks.json").json()

    script = {"Origin": CRM}
    provider.http.get("/userinfo", headers=script)  # from here on the registered origins are known

    drop_database(postgres_database_url)
    for page in (
        browser.authorize(),
        browser.get(f"/authorize?request={handle}"),
        browser.get(f"/login?request={handle}"),
        browser.enter_password(login, BOB),
    ):
        assert_unavailable(page, page=True)
    clock.advance(minutes=1)  # past what the process keeps of its registrations
    for answer in (
        provider.redeem(code),
        provider.refresh(tokens["refresh_token"]),
        provider.post("/revoke", {"client_id": "mobile-app", "token": tokens["refresh_token"]}),
        provider.userinfo(tokens["access_token"]),
    ):
        assert_unavailable(answer, page=False)
    for answer in (provider.http.post("/token", headers=script), provider.http.get("/userinfo", headers=script)):
        assert answer.headers["access-control-allow-origin"] == CRM, "as last read"
    refused = provider.post("/revoke", {"client_id": "mobile-app", "token": "x"}, Origin=CRM)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (503, CRM)
    assert provider.http.get("/.well-known/jwks.json").json() == jwks, "the APIs go on verifying"
    assert provider.http.get("/.well-known/openid-configuration").status_code == 200
    assert provider.http.get("/readyz").status_code == 503
    assert provider.http.get("/livez").status_code == 200

    create_database(postgres_database_url)
    again = migrated("auth", postgres_database_url)
    seed(again)
    again.dispose()
    assert provider.http.get("/readyz").status_code == 200
    assert provider.browser().open().status_code == 200, "without a restart"
    stop(provider)


def test_a_process_that_cannot_open_the_key_after_an_emergency_is_unavailable(
    provider: Provider, clock: SettableClock
) -> None:
    """Its own key was dropped and may be stolen: nothing is signed by it, answered for, or published with it."""
    tokens, code = provider.sign_in(), code_of(provider.browser().sign_in())
    policy = RotationPolicy(timedelta(minutes=10), timedelta(minutes=62), timedelta(days=365), 2048)
    with SqlAuthDatabase(provider.database).transaction() as stores:
        rotate_in_emergency(stores, KeyRing.of(b"n" * 32), policy, clock.now())
    clock.advance(seconds=1)
    assert provider.http.get("/readyz").status_code == 503
    for answer in (
        provider.redeem(code),
        provider.refresh(tokens["refresh_token"]),
        provider.machine(),
        provider.introspect(tokens["access_token"]),
        provider.userinfo(tokens["access_token"]),
    ):
        assert_unavailable(answer, page=False)
    for path in ("/.well-known/jwks.json", "/status/0"):
        assert provider.http.get(path).status_code == 503
    assert provider.http.get("/livez").status_code == 200
    with SqlAuthDatabase(provider.database).transaction() as stores:  # by a process with this one's ring
        rotate_in_emergency(stores, encryption_keys(provider.settings), policy, clock.now())
    clock.advance(seconds=1)
    assert provider.http.get("/readyz").status_code == 200
    assert provider.redeem(code).status_code == 200, "the code was not used up"
    assert provider.refresh(tokens["refresh_token"]).status_code == 200, "nor the refresh token"
