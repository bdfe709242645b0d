"""GET /status/{shard}: the signed list as an API fetches it, and every path that ends a sign-in sets its bit."""

import threading
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from sqlalchemy import select

from services.auth.cache.replica import Replica
from services.auth.opaque_token import unb64url
from services.auth.revocation import end_user, set_enabled
from services.auth.storage import SqlAuthDatabase
from services.auth.storage.tables import users
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.status_list import SHARD_SIZE, VERSION_CLAIM, StatusReference, status_reference_of
from shared.bearer.status.status_list import read_status_list, signing_kid, status_reference
from tests.integration.auth.provider import Provider, claims_of, code_of, oauth_error, seeded_basic
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, HTTP_ISSUER


def place(tokens: dict[str, Any]) -> StatusReference:
    found = status_reference_of(claims_of(tokens["access_token"]))
    assert found is not None
    return found


def fetched(provider: Provider, shard: int = 0, **headers: str) -> Any:
    return provider.http.get(f"/status/{shard}", headers={k.replace("_", "-"): v for k, v in headers.items()})


def verified(provider: Provider, shard: int = 0) -> dict[str, Any]:
    """Return the claims of a list, its signature checked with the key that the JWKS has for its kid."""
    body = fetched(provider, shard).text
    kid = jwt.get_unverified_header(body)["kid"]
    jwk = next(key for key in provider.http.get("/.well-known/jwks.json").json()["keys"] if key["kid"] == kid)
    # the clock is the test's
    claims: dict[str, Any] = jwt.decode(
        body, jwt.PyJWK(jwk), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
    )
    return claims


def is_set(provider: Provider, where: StatusReference) -> bool:
    """Look as a replica does that last looked a second ago."""
    provider.clock.advance(seconds=1)
    bits = zlib.decompress(unb64url(verified(provider, where.shard)["status_list"]["lst"]))
    assert len(bits) * 8 == SHARD_SIZE
    return bool(bits[where.index >> 3] >> (where.index & 7) & 1)


@pytest.mark.requirement("STATUSLIST-5.1")
def test_the_list_is_what_the_draft_says(provider: Provider) -> None:
    response = fetched(provider)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/statuslist+jwt"
    assert response.headers["cache-control"] == "no-cache"
    assert jwt.get_unverified_header(response.text)["typ"] == "statuslist+jwt"
    claims, now = verified(provider), int(provider.clock.now().timestamp())
    assert set(claims) == {"iss", "sub", "iat", "exp", "ttl", "status_list", VERSION_CLAIM}
    assert (claims["iss"], claims["sub"]) == (HTTP_ISSUER, f"{HTTP_ISSUER}/status/0")
    assert (claims["iat"], claims["exp"], claims["ttl"]) == (now, now + 60, 15)
    assert set(claims["status_list"]) == {"bits", "lst"} and claims["status_list"]["bits"] == 1


@pytest.mark.requirement("STATUSLIST-5.1")
def test_a_token_names_its_place(provider: Provider) -> None:
    tokens = provider.sign_in()
    claims = claims_of(tokens["access_token"])["status"]
    assert set(claims) == {"status_list"} and set(claims["status_list"]) == {"idx", "uri"}
    assert (
        fetched(provider, int(claims["status_list"]["uri"].removeprefix(f"{HTTP_ISSUER}/status/"))).status_code == 200
    )
    refreshed = provider.refresh(tokens["refresh_token"]).json()
    assert place(refreshed) == place(tokens), "the family's, for as long as it lives"
    assert "status" not in claims_of(tokens["id_token"])
    assert not is_set(provider, place(tokens))


def test_it_answers_304_to_who_has_it_and_signs_anew_at_half_its_life(provider: Provider) -> None:
    first = fetched(provider)
    provider.clock.advance(seconds=29)
    again = fetched(provider, If_None_Match=first.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")
    provider.clock.advance(seconds=1)
    renewed = fetched(provider, If_None_Match=first.headers["etag"])
    assert renewed.status_code == 200 and renewed.headers["etag"] != first.headers["etag"], "a 304 never extends exp"
    assert verified(provider)["exp"] == int(provider.clock.now().timestamp()) + 60


@pytest.mark.parametrize("shard", ["99", "-1", "00", "01", "1e3", "0x0", "x", "+0", "\u0660", "9" * 40, "0/0", "0%00"])
def test_an_unknown_list_is_404_in_json(refusing: Provider, shard: str) -> None:
    assert oauth_error(refusing.http.get(f"/status/{shard}"), 404) == "invalid_request"


def test_a_list_is_only_read(refusing: Provider) -> None:
    assert oauth_error(refusing.http.post("/status/0"), 405) == "invalid_request"
    head = refusing.http.head("/status/0")
    assert (head.status_code, head.content) == (200, b"")


# ---------------------------------------------------------------- every path: its bit, and no other


def revoke_by_refresh_token(provider: Provider, tokens: dict[str, Any]) -> None:
    provider.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})


def revoke_by_an_old_refresh_token(provider: Provider, tokens: dict[str, Any]) -> None:
    provider.refresh(tokens["refresh_token"])
    revoke_by_refresh_token(provider, tokens)


def reuse(provider: Provider, tokens: dict[str, Any]) -> None:
    successor = provider.refresh(tokens["refresh_token"]).json()
    provider.refresh(successor["refresh_token"])
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"


def disable_alice(provider: Provider, tokens: dict[str, Any]) -> None:
    with stores_of(provider).transaction() as stores:
        assert set_enabled(stores, user_id(provider, "alice"), enabled=False, origin=None, now=provider.clock.now())


def change_alices_password(provider: Provider, tokens: dict[str, Any]) -> None:
    with stores_of(provider).transaction() as stores:
        now = provider.clock.now()
        end_user(stores, user_id(provider, "alice"), reason=EndReason.PASSWORD_CHANGED, origin=None, now=now)


def stores_of(provider: Provider) -> SqlAuthDatabase:
    return SqlAuthDatabase(provider.database)


def user_id(provider: Provider, name: str) -> Any:
    with provider.database.autocommit() as db:
        return db.execute(select(users.c.id).where(users.c.username == name)).scalar_one()


PATHS = [
    revoke_by_refresh_token,
    revoke_by_an_old_refresh_token,
    reuse,
    disable_alice,
    change_alices_password,
]


@pytest.mark.parametrize("end", PATHS)
def test_each_path_sets_the_bit_of_what_it_ends_and_no_other(
    provider: Provider, end: Callable[[Provider, dict[str, Any]], None]
) -> None:
    tokens, others = provider.sign_in(), provider.sign_in(BOB)
    assert not is_set(provider, place(tokens))
    end(provider, tokens)
    assert is_set(provider, place(tokens))
    assert not is_set(provider, place(others))
    assert oauth_error(provider.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert provider.refresh(others["refresh_token"]).status_code == 200


def test_a_replayed_code_sets_the_bit_of_its_first_use(provider: Provider) -> None:
    code = code_of(provider.browser().sign_in())
    tokens = provider.redeem(code).json()
    assert oauth_error(provider.redeem(code)) == "invalid_grant"
    assert is_set(provider, place(tokens))


def test_signing_in_as_somebody_else_leaves_the_native_app_signed_in(provider: Provider) -> None:
    browser = provider.browser()
    tokens = provider.redeem(code_of(browser.sign_in(ALICE, redirect_uri=APP_LINK)), redirect_uri=APP_LINK).json()
    browser.enter_otp(browser.enter_password(browser.open(prompt="login"), BOB))
    assert "session_ended" in provider.events()
    assert not is_set(provider, place(tokens))


def test_a_disabled_client_sets_the_bits_of_all_its_sign_ins(provider: Provider) -> None:
    mine, others = [provider.sign_in(), provider.sign_in(BOB)], provider.sign_in(client_id="other-app", **OTHER)
    with stores_of(provider).transaction() as stores:
        assert set_enabled(stores, "mobile-app", enabled=False, origin=None, now=provider.clock.now())
    assert [is_set(provider, place(tokens)) for tokens in (*mine, others)] == [True, True, False]


OTHER = {"redirect_uri": "com.example.other:/callback", "scope": "openid crm:read"}


def test_a_machines_revoked_token_sets_its_bit_and_the_next_token_has_another(provider: Provider) -> None:
    first = provider.machine().json()
    assert place(provider.machine().json()) == place(first)
    basic = seeded_basic("reports-job")
    assert provider.post("/revoke", {"token": first["access_token"]}, Authorization=basic).status_code == 200
    second = provider.machine().json()
    assert place(second) != place(first)
    assert is_set(provider, place(first)) and not is_set(provider, place(second))
    assert provider.post("/revoke", {"token": first["access_token"]}, Authorization=basic).status_code == 200
    assert not is_set(provider, place(second)), "an old token ends nothing that came after it"


def test_another_process_gives_a_machine_its_new_place_within_a_look(provider: Provider) -> None:
    other = provider.restarted()
    first = other.machine().json()
    provider.post("/revoke", {"token": first["access_token"]}, Authorization=seeded_basic("reports-job"))
    provider.clock.advance(seconds=1)
    assert place(other.machine().json()) != place(first)


def test_the_apis_reader_reads_it(provider: Provider) -> None:
    """Both halves of the format: a place that auth ends is the one that an API finds ended."""
    tokens, others = provider.sign_in(), provider.sign_in(BOB)
    revoke_by_refresh_token(provider, tokens)
    provider.clock.advance(seconds=1)
    references = [status_reference(claims_of(t["access_token"]), HTTP_ISSUER) for t in (tokens, others)]
    assert references[0] is not None and references[1] is not None
    body = fetched(provider, references[0].shard).text
    jwk = next(iter(provider.http.get("/.well-known/jwks.json").json()["keys"]))
    assert signing_kid(body) == jwk["kid"]
    key = jwt.PyJWK(jwk).key
    assert isinstance(key, RSAPublicKey)
    read = read_status_list(
        body, key, uri=f"{HTTP_ISSUER}/status/{references[0].shard}", now=provider.clock.now(), leeway=timedelta(0)
    )
    assert [read.is_set(reference.index) for reference in references if reference is not None] == [True, False]
    assert read.ttl == timedelta(seconds=15)


def test_who_asks_while_another_request_looks_waits_for_it_and_is_not_turned_away(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an idle while two APIs ask at once: one of them looks at the database, the other has nothing recent."""
    assert fetched(provider).status_code == 200
    looking, go_on, look = threading.Event(), threading.Event(), Replica._refresh

    def slow(replica: Replica, now: datetime) -> None:
        replica._tried_at = now
        looking.set()
        assert go_on.wait(20)
        look(replica, now)

    monkeypatch.setattr(Replica, "_refresh", slow)
    provider.clock.advance(minutes=5)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(fetched, provider)
        assert looking.wait(20)
        second = threads.submit(fetched, provider)
        wait([second], timeout=0.2)  # time enough to be turned away
        go_on.set()
        assert [first.result().status_code, second.result().status_code] == [200, 200]
