"""The other ports of auth's storage, on both backends: what goes in comes back, and each is its owner's alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from services.auth.accounts.recovery_codes import RecoveryCode
from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.accounts.totp import TotpCredential
from services.auth.audit import AuditEvent, Origin
from services.auth.authorization.code import AuthorizationCode
from services.auth.authorization.request import WaitingRequest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.scopes import Api, ApiScope
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.storage.tables import audit_events, users
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import NOON, Stage, new_code, new_family, new_session
from tests.support.authorizations import some_event

HANDLE, BROWSER = b"h" * 32, b"b" * 32
SECOND = timedelta(seconds=1)


# ---------------------------------------------------------------- audit


def record(stage: Stage, event: str = "signed_in") -> None:
    with stage.auth.transaction() as stores:
        details = {"stored": 1, "text": "\u00e4'\"\\"}
        origin = Origin("2001:db8::/64", "Phone \u00e4")
        stores.audit.record(AuditEvent(event, NOON, UUID(ALICE), "app", uuid7(), uuid7(), origin, details))


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET event = 'forged'", "DELETE FROM audit_events"])
def test_the_audit_trail_refuses_to_be_changed(stage: Stage, statement: str) -> None:
    record(stage)
    with pytest.raises(DBAPIError, match="append-only"), stage.sql.unit_of_work() as db:
        db.execute(text(statement))
    with stage.sql.autocommit() as db:
        row = db.execute(select(audit_events)).mappings().one()
    assert (row["event"], row["at"], row["details"]["text"]) == ("signed_in", NOON, "\u00e4'\"\\")


@pytest.mark.parametrize("statement", ["TRUNCATE audit_events", "TRUNCATE audit_events CASCADE"])
def test_the_audit_trail_refuses_to_be_truncated(postgres_stage: Stage, statement: str) -> None:
    record(postgres_stage)
    with pytest.raises(DBAPIError, match="append-only"), postgres_stage.sql.unit_of_work() as db:
        db.execute(text(statement))


# ---------------------------------------------------------------- codes


def test_a_code_comes_back_as_it_went_and_is_used_once(stage: Stage) -> None:
    code = stage.code(resources=("https://crm.example",), amr=("pwd", "otp"))
    with stage.auth.transaction() as stores:
        assert stores.codes.find(code.code_hash) == code
        assert stores.codes.find(b"x" * 32) is None
        family = new_family(stage.session)
        reference = stores.codes.use(code, family, some_event(code, NOON))
        found = stores.families.find(family.id)
        assert found is not None and found.status == reference and found.authorization == family.authorization
        assert stores.codes.use(code, new_family(stage.session), some_event(code, NOON)) is None
        assert stores.codes.find(code.code_hash) == replace(code, used_at=NOON, family_id=family.id)


@pytest.mark.parametrize(("after", "good"), [(59.999999, True), (60, False)])
def test_an_expired_code_cannot_be_used(stage: Stage, after: float, good: bool) -> None:
    code = stage.code()
    with stage.auth.transaction() as stores:
        family = new_family(stage.session, created_at=NOON + timedelta(seconds=after))
        assert (stores.codes.use(code, family, some_event(code, NOON)) is not None) is good


@pytest.mark.parametrize("name", ["client_id", "user_id", "session_id"])
def test_a_code_needs_its_client_user_and_session(stage: Stage, name: str) -> None:
    nobody: object = "nobody" if name == "client_id" else UUID(int=4)
    code = new_code(stage.session, **{name: nobody})
    with pytest.raises(DBAPIError), stage.auth.transaction() as stores:
        stores.codes.add(code, some_event(code, NOON))


def test_the_longest_request_fits(stage: Stage) -> None:
    code: AuthorizationCode = stage.code(nonce="\U0001fad6" * 4096, redirect_uri="https://x.example/" + "y" * 8000)
    with stage.auth.autocommit() as stores:
        assert stores.codes.find(code.code_hash) == code


# ---------------------------------------------------------------- waiting requests


def wait(stage: Stage, browser: bytes | None = BROWSER, *, pushed: bool = False) -> WaitingRequest:
    request = AuthorizationRequest(
        "app",
        "myapp://callback",
        frozenset({"openid"}),
        state="\u00e4'\"\\",
        max_age=0,
        subjects=frozenset({ALICE}),
        acr_values=frozenset({"a", "b"}),
        essential_acr=frozenset(),
        claims=RequestedClaims({"name": None, "locale": ("de", "\u00e4")}, {"email_verified": (True,)}),
    )
    waiting = WaitingRequest(HANDLE, request, NOON, NOON + timedelta(minutes=15), browser, pushed=pushed)
    with stage.auth.transaction() as stores:
        stores.waiting_requests.add(waiting)
    return waiting


def test_a_waiting_request_is_found_by_its_own_browser_alone(stage: Stage) -> None:
    waiting = wait(stage)
    with stage.auth.autocommit() as stores:
        assert stores.waiting_requests.find(HANDLE, BROWSER, NOON) == waiting
        assert stores.waiting_requests.find(HANDLE, b"x" * 32, NOON) is None
        assert stores.waiting_requests.find(HANDLE, BROWSER, NOON + timedelta(minutes=15)) is None
        stores.waiting_requests.bind(HANDLE, b"x" * 32, NOON)
        assert stores.waiting_requests.find(HANDLE, b"x" * 32, NOON) is None, "a bound row stays as it is"


def test_an_unbound_request_is_the_first_browsers(stage: Stage) -> None:
    wait(stage, None)
    with stage.auth.autocommit() as stores:
        assert stores.waiting_requests.find(HANDLE, BROWSER, NOON) is None
        stores.waiting_requests.bind(HANDLE, BROWSER, NOON + timedelta(minutes=15))
        assert stores.waiting_requests.find(HANDLE, BROWSER, NOON) is None, "too late"
        stores.waiting_requests.bind(HANDLE, BROWSER, NOON)
        stores.waiting_requests.bind(HANDLE, b"x" * 32, NOON)
        assert stores.waiting_requests.find(HANDLE, BROWSER, NOON) is not None


def test_the_steps_of_a_request_are_remembered_until_it_is_over(stage: Stage) -> None:
    wait(stage)
    with stage.auth.transaction() as stores:
        requests = stores.waiting_requests
        requests.set_first_factor(HANDLE, UUID(BOB), NOON)
        found = requests.find(HANDLE, BROWSER, NOON)
        assert found is not None and (found.first_factor_user_id, found.first_factor_at) == (UUID(BOB), NOON)
        requests.set_signed_in(HANDLE, stage.session.id)
        requests.set_continued(HANDLE, stage.session.id)
        found = requests.find(HANDLE, BROWSER, NOON)
        assert found is not None and found.first_factor_user_id is None
        assert found.signed_in_session_id == found.continued_session_id == stage.session.id
        assert not requests.complete(HANDLE, b"x" * 32, NOON, outcome="code")
        assert not requests.complete(HANDLE, BROWSER, NOON + timedelta(minutes=15), outcome="code")
        assert requests.complete(HANDLE, BROWSER, NOON, outcome="code")
        assert not requests.complete(HANDLE, BROWSER, NOON, outcome="code")
        assert requests.find(HANDLE, BROWSER, NOON) is None


# ---------------------------------------------------------------- sessions


def test_a_session_comes_back_as_it_went_and_by_its_cookie_alone(stage: Stage) -> None:
    session = new_session(mfa_at=NOON, auth_time=NOON.replace(microsecond=1))
    with stage.auth.transaction() as stores:
        stores.sessions.add(session)
        assert stores.sessions.find_by_cookie(session.cookie_hash) == session
        assert stores.sessions.find_by_cookie(b"x" * 32) is None
        assert stores.sessions.find_with_user(session.cookie_hash) == (session, stores.users.find(session.user_id))
    assert session.auth_time.tzinfo is UTC


def test_a_renewed_session_forgets_its_old_cookie_and_an_ended_one_stays_ended(stage: Stage) -> None:
    renewed = replace(stage.session, cookie_hash=b"n" * 32, auth_time=NOON + SECOND)
    with stage.auth.transaction() as stores:
        assert stores.sessions.renew(renewed)
        assert stores.sessions.find_by_cookie(stage.session.cookie_hash) is None
        assert stores.sessions.find_by_cookie(b"n" * 32) == renewed
        stores.sessions.touch(renewed.id, idle_expires_at=NOON + timedelta(hours=13))
        stores.sessions.end(renewed.id, NOON)
        stores.sessions.end(renewed.id, NOON + SECOND)
        assert not stores.sessions.renew(replace(renewed, cookie_hash=b"m" * 32))
        ended = stores.sessions.find(renewed.id)
    assert ended is not None and (ended.ended_at, ended.cookie_hash) == (NOON, b"n" * 32)
    assert ended.idle_expires_at == NOON + timedelta(hours=13)


# ---------------------------------------------------------------- users, TOTP


def test_users_are_found_by_id_and_name(stage: Stage) -> None:
    with stage.sql.unit_of_work() as db:
        moment = NOON.replace(microsecond=7)
        db.execute(update(users).where(users.c.id == UUID(ALICE)).values(tokens_valid_from=moment))
    with stage.auth.transaction() as stores:
        alice = stores.users.find(UUID(ALICE))
        assert alice is not None and alice == stores.users.find_by_username("alice")
        assert stores.users.find_by_username("Alice") is None, "normalised before"
        assert stores.users.find(UUID(int=1)) is None
    assert (alice.roles, alice.team, alice.has_totp, alice.claims) == (("manager",), "sales", False, {"name": "Alice"})
    assert alice.tokens_valid_from == datetime(2030, 1, 1, 12, 0, 0, 7, UTC)


def test_a_totp_step_is_accepted_once_and_never_an_earlier_one(stage: Stage) -> None:
    bob = UUID(BOB)
    with stage.sql.unit_of_work() as db:
        SqlConfigurationStore(db).put_totp(bob, b"sealed", NOON)
    with stage.auth.autocommit() as stores:
        assert stores.totp.find(bob) == TotpCredential(bob, b"sealed", 0)
        assert [stores.totp.accept_step(bob, step) for step in (5, 5, 4, 6)] == [True, False, False, True]
        assert not stores.totp.accept_step(UUID(ALICE), 9)
        found = stores.users.find(bob)
    assert found is not None and found.has_totp


def test_a_recovery_code_is_used_once_and_a_new_set_ends_the_old_one(stage: Stage) -> None:
    alice, bob = UUID(ALICE), UUID(BOB)
    first, second = ([RecoveryCode(UUID(int=set_ + at), b"sealed") for at in range(3)] for set_ in (10, 20))
    with stage.auth.transaction() as stores:
        stores.recovery_codes.replace(alice, first, NOON)
        stores.recovery_codes.replace(bob, [RecoveryCode(UUID(int=30), b"sealed")], NOON)
    with stage.auth.autocommit() as stores:
        assert stores.recovery_codes.find(alice) == first
        assert [stores.recovery_codes.use(UUID(int=10)) for _ in range(2)] == [True, False]
        assert stores.recovery_codes.count(alice) == 2
    with stage.auth.transaction() as stores:
        stores.recovery_codes.replace(alice, second, NOON)
        assert not stores.recovery_codes.use(UUID(int=11)), "of the set before"
        stores.recovery_codes.replace(alice, [], NOON)
        assert (stores.recovery_codes.count(alice), stores.recovery_codes.count(bob)) == (0, 1)


# ---------------------------------------------------------------- clients and APIs


def test_a_clients_metadata_is_replaced_and_its_secrets_overlap(stage: Stage) -> None:
    metadata = {
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "also_allow_client_secret_post": True,
        "grant_types": ["refresh_token"],
        "redirect_uris": ["https://x.example/"],
        "scope": "openid",
        "refresh_retry_window": 0,
    }
    changes = [(b"1" * 32, {b"1" * 32}), (b"2" * 32, {b"1" * 32, b"2" * 32}), (None, set[bytes]())]
    for hour, (secret, secrets) in enumerate(changes):
        with stage.sql.unit_of_work() as db:
            store = SqlConfigurationStore(db)
            store.put_client("web", metadata, NOON)
            store.put_client_secret("web", secret, NOON + timedelta(hours=hour))
            assert store.client("web") == (metadata, secret)
        with stage.auth.transaction() as stores:
            found = stores.clients.find("web")
            assert found is not None
        assert set(found.secret_hashes) == secrets
        assert found.auth_methods == {"client_secret_basic", "client_secret_post"}
        assert found.refresh_retry_window == timedelta(0) and found.access_token_lifetime is None
    with stage.auth.autocommit() as stores:
        assert stores.clients.find("nobody") is None


def test_apis_keep_their_order_through_changes(stage: Stage) -> None:
    scope = {"name": "a:read", "description": "A", "machine_only": False, "role": None}
    with stage.sql.unit_of_work() as db:
        for identifier in ("https://b.example", "https://a.example", "https://b.example"):
            SqlConfigurationStore(db).put_api(identifier, "Name", [scope])
    with stage.auth.autocommit() as stores:
        apis = stores.apis.catalogue().apis
    assert apis == tuple(
        Api(name, "Name", (ApiScope("a:read", "A"),)) for name in ("https://b.example", "https://a.example")
    )
