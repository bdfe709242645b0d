"""The policy of /authorize, row by row (OpenID Connect Core s3.1.2.1 and s3.1.2.3, RFC 8252 s8.6)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.auth.accounts.browser_session import BrowserSession
from services.auth.accounts.user import User
from services.auth.authorization.flow import Confirm, Consent, IssueCode, Login, Mfa, Reject, Step, next_step
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients.client import Client
from services.auth.protocol.authorization_request import AuthorizationRequest
from tests.support.clients import CLIENT as BARE

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
SESSION, OTHER = UUID(int=1), UUID(int=2)

CLIENT = replace(BARE, application_type="web", first_party=True)
USER = User(UUID(int=9), "alice", None, None, (), NOW, None, None, has_totp=False)

HTTPS, CUSTOM, LOOPBACK, LOOPBACK_V6 = (
    "https://app.example/callback",
    "com.example.app:/callback",
    "http://127.0.0.1:50000/callback",
    "http://[::1]:50000/callback",
)
EXPOSED = [CUSTOM, "myapp://callback", LOOPBACK, LOOPBACK_V6]

#: What `decide` returns for a code to this session's user.
CODE = "a code"
LOGIN_REQUIRED = "login_required"
INTERACTION_REQUIRED = "interaction_required"


def session(**changes: Any) -> BrowserSession:
    """One that began an hour ago; `password` and `mfa` are the ages of the factors."""
    ages = {"password": timedelta(hours=1), "mfa": None, **changes}
    mfa = ages["mfa"]
    began = NOW - min(ages["password"], mfa or ages["password"])
    return BrowserSession(
        id=SESSION,
        user_id=USER.id,
        cookie_hash=b"",
        auth_time=began,
        password_at=NOW - ages["password"],
        mfa_at=None if mfa is None else NOW - mfa,
        created_at=began,
        idle_expires_at=NOW + timedelta(hours=1),
        expires_at=NOW + timedelta(days=1),
    )


def request(uri: str = HTTPS, prompt: str = "", max_age: int | None = None, **members: Any) -> AuthorizationRequest:
    prompts = frozenset(prompt.split())
    return AuthorizationRequest("app", uri, frozenset({"openid"}), prompts=prompts, max_age=max_age, **members)


def waiting(asked: AuthorizationRequest, **members: Any) -> WaitingRequest:
    return WaitingRequest(b"", asked, NOW, NOW + timedelta(minutes=15), b"", **members)


def decide(
    asked: AuthorizationRequest,
    live: BrowserSession | None = None,
    *,
    totp: bool = False,
    client: Client = CLIENT,
    consent_missing: bool = False,
    **members: Any,
) -> Step | str:
    signed_in = None if live is None else SignedIn(live, replace(USER, has_totp=totp))
    held = waiting(asked, **members) if members else None
    step = next_step(asked, client=client, signed_in=signed_in, consent_missing=consent_missing, waiting=held, now=NOW)
    if isinstance(step, IssueCode):
        assert step.signed_in == signed_in
        return CODE
    return step


def error(step: Step | str) -> str:
    assert isinstance(step, Reject)
    return step.error


# ---------------------------------------------------------------- no session


@pytest.mark.parametrize("prompt", ["", "login", "select_account", "consent", "login select_account"])
@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
def test_without_a_session_the_password_comes_first(uri: str, prompt: str) -> None:
    assert decide(request(uri, prompt)) == Login()


@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
def test_prompt_none_without_a_session_is_login_required(uri: str) -> None:
    assert error(decide(request(uri, "none"))) == LOGIN_REQUIRED


@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
def test_an_app_is_never_answered_without_a_tap(uri: str) -> None:
    app = replace(CLIENT, application_type="native")
    assert decide(request(uri), session(), client=app) == Confirm()
    assert error(decide(request(uri, "none"), session(), client=app)) == "interaction_required"


# ---------------------------------------------------------------- an existing session


def test_a_session_answers_an_https_address_silently() -> None:
    assert decide(request(), session()) == CODE
    assert decide(request(prompt="none"), session()) == CODE


@pytest.mark.requirement("RFC8252-8.6")
@pytest.mark.parametrize("uri", EXPOSED)
def test_an_address_that_any_app_can_take_is_never_answered_silently(uri: str) -> None:
    """RFC 8252 s8.6, first-party clients too."""
    assert decide(request(uri), session()) == Confirm()
    assert error(decide(request(uri, "none"), session())) == INTERACTION_REQUIRED


def test_http_localhost_of_a_web_client_counts_as_its_owners() -> None:
    assert decide(request("http://localhost:9100/callback"), session()) == CODE


@pytest.mark.requirement("OIDC-3.1.2.1-select-account")
def test_select_account_asks_also_at_an_https_address() -> None:
    assert decide(request(prompt="select_account"), session()) == Confirm()


def test_a_client_marked_always_continue_asks() -> None:
    client = replace(CLIENT, always_continue=True)
    assert decide(request(), session(), client=client) == Confirm()
    assert error(decide(request(prompt="none"), session(), client=client)) == INTERACTION_REQUIRED


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-login")
@pytest.mark.parametrize("uri", [HTTPS, CUSTOM])
def test_prompt_login_asks_for_the_password_although_there_is_a_session(uri: str) -> None:
    assert decide(request(uri, "login"), session(password=timedelta(0))) == Login()


@pytest.mark.requirement("OIDC-3.1.2.1-max-age")
@pytest.mark.parametrize(
    ("max_age", "age", "step"),
    [
        (0, 0, Login()),  # like prompt=login, even in the same moment
        (1, 0, CODE),
        (1, 1, CODE),
        (1, 2, Login()),
        (3600, 3600, CODE),
        (3600, 3601, Login()),
        (10_000, 9_999, CODE),
        (10_000, 10_001, Login()),
        (None, 40_000, CODE),
    ],
)
def test_max_age_against_the_age_of_the_authentication(max_age: int | None, age: int, step: Step | str) -> None:
    assert decide(request(max_age=max_age), session(password=timedelta(seconds=age))) == step


def test_prompt_none_with_a_session_too_old_is_login_required() -> None:
    assert error(decide(request(prompt="none", max_age=60), session())) == LOGIN_REQUIRED


@pytest.mark.requirement("OIDC-3.1.2.1-prompt-consent")
@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
def test_prompt_consent_always_shows_the_page(uri: str) -> None:
    assert decide(request(uri, "consent"), session()) == Consent()
    assert decide(request(uri, "consent"), session(), signed_in_session_id=SESSION) == Consent()
    assert decide(request(uri, "consent"), session(), consented_session_id=SESSION) == CODE


# ---------------------------------------------------------------- the second factor


@dataclass(frozen=True)
class SecondFactor:
    password: timedelta
    mfa: timedelta | None
    step: Step | str


HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "row",
    [
        SecondFactor(HOUR, HOUR, CODE),
        SecondFactor(24 * HOUR, 24 * HOUR, CODE),
        SecondFactor(12 * HOUR, 24 * HOUR + SECOND, Mfa()),  # stepped up again: the password is young enough
        SecondFactor(12 * HOUR + SECOND, 24 * HOUR + SECOND, Login()),
        SecondFactor(HOUR, None, Mfa()),  # enrolled since
        SecondFactor(12 * HOUR, None, Mfa()),
        SecondFactor(12 * HOUR + SECOND, None, Login()),
    ],
)
def test_users_with_totp_need_a_fresh_second_factor(row: SecondFactor) -> None:
    live = session(password=row.password, mfa=row.mfa)
    assert decide(request(), live, totp=True) == row.step
    if row.step != CODE:
        assert error(decide(request(prompt="none"), live, totp=True)) == LOGIN_REQUIRED


def test_a_stale_second_factor_is_nobodys_business_without_totp() -> None:
    assert decide(request(), session(mfa=48 * HOUR)) == CODE


@pytest.mark.requirement("ASVS-6.3.3")
def test_a_first_factor_alone_leads_to_the_second_and_to_nothing_else() -> None:
    first: dict[str, Any] = {"first_factor_user_id": USER.id, "first_factor_at": NOW}
    assert decide(request(), None, **first) == Mfa()
    assert decide(request(), session(), **first) == Mfa()


# ---------------------------------------------------------------- what was done for this very request


@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
@pytest.mark.parametrize(("prompt", "max_age"), [("", None), ("login", None), ("select_account", None), ("", 0)])
def test_a_sign_in_for_this_request_answers_it(uri: str, prompt: str, max_age: int | None) -> None:
    assert decide(request(uri, prompt, max_age), session(), signed_in_session_id=SESSION) == CODE


def test_a_sign_in_for_this_request_does_not_replace_the_second_factor() -> None:
    assert decide(request(), session(), totp=True, signed_in_session_id=SESSION) == Mfa()


def test_a_sign_in_of_another_session_counts_for_nothing() -> None:
    assert decide(request(CUSTOM), session(), signed_in_session_id=OTHER) == Confirm()
    assert decide(request(prompt="login"), session(), signed_in_session_id=OTHER) == Login()


def test_the_yes_counts_for_the_session_that_was_asked_about() -> None:
    assert decide(request(CUSTOM), session(), continued_session_id=SESSION) == CODE
    assert decide(request(CUSTOM), session(), continued_session_id=OTHER) == Confirm()


def test_the_yes_replaces_no_password() -> None:
    assert decide(request(prompt="login"), session(), continued_session_id=SESSION) == Login()
    assert decide(request(max_age=0), session(), continued_session_id=SESSION) == Login()
