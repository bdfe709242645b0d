"""What comes next for an authorization request: one pure function, the whole policy of /authorize.

Spec: OpenID Connect Core s3.1.2.3, RFC 8252 s8.6; Policy: ADR-0007
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.auth.authorization.request import AuthorizationRequest, WaitingRequest
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients import Client, identity_is_assured
from services.auth.sessions import ACR_MFA, STEP_UP_WINDOW, BrowserSession


@dataclass(frozen=True)
class Login:
    """Ask for the password."""


@dataclass(frozen=True)
class Mfa:
    """Ask for the second factor."""


@dataclass(frozen=True)
class Continue:
    """Ask whether to go on as the session's user."""


@dataclass(frozen=True)
class IssueCode:
    """Everything that was demanded is there: answer for this user."""

    signed_in: SignedIn


@dataclass(frozen=True)
class Reject:
    """Answer the client with this error (OpenID Connect Core s3.1.2.6)."""

    error: str
    description: str


Step = Login | Mfa | Continue | IssueCode | Reject


def next_step(
    request: AuthorizationRequest,
    *,
    client: Client,
    signed_in: SignedIn | None,
    waiting: WaitingRequest | None,
    now: datetime,
) -> Step:
    """Return the next step; with prompt=none a step that needs a person is the error that says so."""
    step = _interactive_step(request, client=client, signed_in=signed_in, waiting=waiting, now=now)
    if "none" not in request.prompts:
        return step
    match step:
        case Login() | Mfa():
            return Reject("login_required", "The user has to sign in.")
        case Continue():
            return Reject("interaction_required", "The user has to confirm this sign-in.")
        case _:
            return step


def _interactive_step(
    request: AuthorizationRequest,
    *,
    client: Client,
    signed_in: SignedIn | None,
    waiting: WaitingRequest | None,
    now: datetime,
) -> Step:
    if waiting is not None and waiting.first_factor_user_id is not None:
        return Mfa()
    if signed_in is None:
        return Login()
    session, user = signed_in.session, signed_in.user
    signed_in_here = waiting is not None and waiting.signed_in_session_id == session.id
    if not signed_in_here and _is_too_old(request, session, now):
        return Login()
    if user.has_totp and session.acr(now) != ACR_MFA:
        return Mfa() if now - session.password_at <= STEP_UP_WINDOW else Login()
    if "consent" in request.prompts:
        return Reject("consent_required", "Asking for consent is not supported.")
    continued = waiting is not None and waiting.continued_session_id == session.id
    if not signed_in_here and not continued and _needs_confirmation(request, client):
        return Continue()
    return IssueCode(signed_in)


def _is_too_old(request: AuthorizationRequest, session: BrowserSession, now: datetime) -> bool:
    if "login" in request.prompts:
        return True
    if request.max_age is None:
        return False
    return request.max_age == 0 or now - session.auth_time > timedelta(seconds=request.max_age)


def _needs_confirmation(request: AuthorizationRequest, client: Client) -> bool:
    """Say whether a session alone may not answer: any app can claim a custom scheme or a loopback port."""
    return (
        client.always_continue or "select_account" in request.prompts or not identity_is_assured(request.redirect_uri)
    )
