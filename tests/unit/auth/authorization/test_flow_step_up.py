"""The policy of /authorize, second table: step-up, named users, consent (OpenID Connect Core s5.5.1.1, RFC 9470)."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from services.auth.accounts.browser_session import ACR_1FA, ACR_MFA
from services.auth.authorization.flow import Confirm, Consent, Login, Mfa, Step
from tests.unit.auth.authorization.test_flow import (
    CLIENT,
    CODE,
    CUSTOM,
    EXPOSED,
    HOUR,
    HTTPS,
    OTHER,
    SECOND,
    SESSION,
    USER,
    decide,
    error,
    request,
    session,
)

WISH: dict[str, Any] = {"acr_values": frozenset({ACR_MFA})}
EITHER: dict[str, Any] = {"acr_values": frozenset({ACR_MFA, ACR_1FA})}
MUST: dict[str, Any] = {"essential_acr": frozenset({ACR_MFA})}
UNMET = "unmet_authentication_requirements"
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Row:
    """A user with a second factor; the ages of both factors; what was asked; what comes."""

    password: timedelta
    mfa: timedelta | None
    step: Step | str
    asked: dict[str, Any]
    max_age: int | None = None
    prompt: str = ""


@pytest.mark.parametrize(
    "row",
    [
        # young enough: nothing to do
        Row(HOUR, MINUTE, CODE, WISH, 300),
        Row(HOUR, HOUR, CODE, WISH),
        Row(HOUR, HOUR, CODE, WISH, 3600),
        # the second factor alone makes it fresh, as long as the first is at most twelve hours old
        Row(HOUR, HOUR, Mfa(), WISH, 300),
        Row(HOUR, HOUR, Mfa(), MUST, 300),
        Row(12 * HOUR, 12 * HOUR, Mfa(), WISH, 300),
        Row(12 * HOUR + SECOND, 12 * HOUR + SECOND, Login(), WISH, 300),
        # a fresh first factor does not make an old second one young
        Row(MINUTE, HOUR, Mfa(), WISH, 300),
        # max_age alone, prompt=login and max_age=0 begin with the first
        Row(HOUR, HOUR, Login(), {}, 300),
        Row(HOUR, HOUR, Login(), EITHER, 300),
        Row(HOUR, HOUR, Login(), WISH, 300, "login"),
        Row(HOUR, HOUR, Login(), WISH, None, "login"),
        Row(MINUTE, MINUTE, Login(), WISH, 0),
        # a day later it counts as one factor, and where it is wished for so does one from before the last password
        Row(24 * HOUR, 24 * HOUR, CODE, WISH),
        Row(HOUR, HOUR + SECOND, Mfa(), WISH),
        Row(HOUR, HOUR + SECOND, Mfa(), MUST),
        Row(HOUR, 24 * HOUR, CODE, {}),
        Row(HOUR, 24 * HOUR, CODE, EITHER),
        Row(HOUR, 24 * HOUR + SECOND, Mfa(), WISH),
        Row(HOUR, None, Mfa(), WISH),
        Row(13 * HOUR, None, Login(), WISH),
        # both are named: the easier one would do, but this user always gives both
        Row(HOUR, HOUR, CODE, EITHER),
        Row(HOUR, None, Mfa(), EITHER),
    ],
)
def test_step_up(row: Row) -> None:
    live = session(password=row.password, mfa=row.mfa)
    assert decide(request(HTTPS, row.prompt, row.max_age, **row.asked), live, totp=True) == row.step
    if row.step != CODE and not row.prompt:
        silent = decide(request(HTTPS, "none", row.max_age, **row.asked), live, totp=True)
        assert error(silent) == "login_required"


@pytest.mark.parametrize("max_age", [0, 1, 300])
def test_what_was_given_for_this_request_is_enough(max_age: int) -> None:
    """However slowly the browser comes back: no circle."""
    live = session(password=HOUR, mfa=timedelta(0))
    assert decide(request(max_age=max_age, **WISH), live, totp=True, signed_in_session_id=SESSION) == CODE


def test_a_password_given_for_this_request_is_not_the_second_factor_that_it_wants() -> None:
    live = session(password=timedelta(0), mfa=HOUR)
    assert decide(request(max_age=300, **WISH), live, totp=True, signed_in_session_id=SESSION) == Mfa()
    assert decide(request(max_age=0, **WISH), live, totp=True, signed_in_session_id=SESSION) == Mfa()


@pytest.mark.parametrize("asked", [WISH, EITHER, {"acr_values": frozenset({ACR_1FA})}])
def test_a_wish_never_errors_for_a_user_without_a_second_factor(asked: dict[str, Any]) -> None:
    assert decide(request(**asked), session()) == CODE
    assert decide(request(max_age=60, **asked), session()) == Login()


@pytest.mark.parametrize("here", [{}, {"signed_in_session_id": SESSION}])
def test_a_must_that_this_user_cannot_meet_is_an_error(here: dict[str, Any]) -> None:
    assert error(decide(request(**MUST), session(), **here)) == UNMET
    strict = replace(CLIENT, require_mfa=True)
    assert error(decide(request(), session(), client=strict, **here)) == UNMET
    assert decide(request(), session(mfa=HOUR), totp=True, client=strict, **here) == CODE


def test_a_must_that_nobody_can_meet_asks_for_no_password() -> None:
    unknown: dict[str, Any] = {"essential_acr": frozenset({"urn:x"})}
    assert error(decide(request(**unknown))) == UNMET
    assert error(decide(request(**unknown), session(mfa=HOUR), totp=True)) == UNMET
    either: dict[str, Any] = {"essential_acr": frozenset({"urn:x", ACR_1FA})}
    assert decide(request(**either), session()) == CODE


# ---------------------------------------------------------------- the only user who will do


@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
def test_a_session_of_another_user_is_no_answer(uri: str) -> None:
    named: dict[str, Any] = {"subjects": frozenset({"somebody else"})}
    assert decide(request(uri, **named), session()) == Login()
    assert error(decide(request(uri, "none", **named), session())) == "login_required"
    assert error(decide(request(uri, **named), session(), signed_in_session_id=SESSION)) == "login_required"
    assert decide(request(uri, **named), session(), signed_in_session_id=OTHER) == Login()


def test_the_named_user_goes_on_as_ever() -> None:
    named: dict[str, Any] = {"subjects": frozenset({USER.subject, "somebody else"})}
    assert decide(request(**named), session()) == CODE
    assert decide(request(CUSTOM, **named), session()) == Confirm()
    assert decide(request(subjects=frozenset()), session()) == Login(), "nobody will do"


# ---------------------------------------------------------------- consent

PARTNER = replace(CLIENT, first_party=False)


@pytest.mark.parametrize("uri", [HTTPS, *EXPOSED])
def test_missing_consent_is_asked_for_once_somebody_is_signed_in(uri: str) -> None:
    assert decide(request(uri), client=PARTNER, consent_missing=True) == Login()
    assert decide(request(uri), session(), client=PARTNER, consent_missing=True) == Consent()
    here: dict[str, Any] = {"signed_in_session_id": SESSION}
    assert decide(request(uri), session(), client=PARTNER, consent_missing=True, **here) == Consent()
    assert error(decide(request(uri, "none"), session(), client=PARTNER, consent_missing=True)) == "consent_required"


def test_the_yes_of_another_session_counts_for_nothing() -> None:
    assert decide(request(prompt="consent"), session(), consented_session_id=OTHER) == Consent()


def test_a_yes_that_was_withdrawn_counts_for_nothing() -> None:
    asked = decide(request(), session(), client=PARTNER, consent_missing=True, consented_session_id=SESSION)
    assert asked == Consent()


@pytest.mark.parametrize("uri", EXPOSED)
def test_consent_confirms_the_user_too(uri: str) -> None:
    """The page names both: nobody is asked twice. A chooser comes before it."""
    assert decide(request(uri), session(), client=PARTNER, consented_session_id=SESSION) == CODE
    assert decide(request(uri), session(), client=PARTNER) == Confirm(), "remembered: the address still asks"
    choosing = request(uri, "select_account consent")
    assert decide(choosing, session()) == Confirm()
    assert decide(choosing, session(), continued_session_id=SESSION) == Consent()


def test_consent_replaces_no_factor() -> None:
    asked: dict[str, Any] = {"consented_session_id": SESSION}
    assert decide(request(prompt="login"), session(), **asked) == Login()
    assert decide(request(), session(), totp=True, **asked) == Mfa()
    assert decide(request(), None, **asked) == Login()
