"""What comes next for an authorization request: one pure function, the whole policy of /authorize.

Spec: OpenID Connect Core s3.1.2.3, s3.1.2.4 and s5.5.1, RFC 8252 s8.6, RFC 9470; Policy: ADR-0007, ADR-0022
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.auth.accounts.browser_session import ACR_1FA, ACR_MFA, ACR_PHR, ACRS, STEP_UP_WINDOW, BrowserSession
from services.auth.accounts.user import User
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients.account_pages import ACCOUNT_PAGES
from services.auth.clients.client import Client
from services.auth.clients.redirect_uris import identity_is_assured
from services.auth.protocol.authorization_request import AuthorizationRequest


@dataclass(frozen=True)
class Login:
    """Ask for the password."""


@dataclass(frozen=True)
class Mfa:
    """Ask for the second factor. `by_passkey`: of who has a passkey nothing else will do."""

    by_passkey: bool = False


@dataclass(frozen=True)
class Confirm:
    """Ask whether to go on as the session's user."""


@dataclass(frozen=True)
class Consent:
    """Ask whether the client may have what it asks for."""


@dataclass(frozen=True)
class Enrol:
    """Send the person to set up a second factor, which they must have before anything else."""


@dataclass(frozen=True)
class IssueCode:
    """Everything that was demanded is there: answer for this user."""

    signed_in: SignedIn


@dataclass(frozen=True)
class Reject:
    """Answer the client with this error (OpenID Connect Core s3.1.2.6)."""

    error: str
    description: str


Step = Login | Mfa | Enrol | Confirm | Consent | IssueCode | Reject

_UNMET = Reject("unmet_authentication_requirements", "The user cannot sign in as strongly as this request demands.")
_SOMEBODY_ELSE = Reject("login_required", "The user who has signed in is not the one that the request names.")


def next_step(
    request: AuthorizationRequest,
    *,
    client: Client,
    signed_in: SignedIn | None,
    consent_missing: bool,
    waiting: WaitingRequest | None,
    now: datetime,
) -> Step:
    """Return the next step; with prompt=none a step that needs a person is the error that says so.

    `consent_missing`: the client needs the consent of the user who is signed in, and that user has not given all of it.
    """
    policy = _Policy(request, client, waiting, now)
    step = policy.step(signed_in, consent_missing=consent_missing)
    if "none" not in request.prompts:
        return step
    match step:
        case Login() | Mfa():
            return Reject("login_required", "The user has to sign in.")
        case Consent():
            return Reject("consent_required", "The user has to consent.")
        case Enrol():
            return Reject("interaction_required", "The user has to set up a second factor.")
        case Confirm():
            return Reject("interaction_required", "The user has to confirm this sign-in.")
        case _:
            return step


@dataclass(frozen=True)
class _Policy:
    request: AuthorizationRequest
    client: Client
    waiting: WaitingRequest | None
    now: datetime

    def step(self, signed_in: SignedIn | None, *, consent_missing: bool) -> Step:
        if not self._acr_exists():
            return _UNMET
        if self.waiting is not None and self.waiting.first_factor_user_id is not None:
            return Mfa(self._wants_phr())
        if signed_in is None:
            return Login()
        session, user = signed_in.session, signed_in.user
        if self.request.subjects is not None and user.subject not in self.request.subjects:
            return _SOMEBODY_ELSE if self._signed_in_here(session) else Login()
        if (factor := self._missing_factor(session, user)) is not None:
            return factor
        if user.owes_second_factor and self.client.client_id != ACCOUNT_PAGES:  # on those it is set up
            return Enrol()
        if self._falls_short(session):
            return _UNMET
        return self._missing_answer(session, consent_missing=consent_missing) or IssueCode(signed_in)

    # ------------------------------------------------ who it is, and how surely

    def _missing_factor(self, session: BrowserSession, user: User) -> Step | None:
        """Return the factor to ask for.

        A second factor alone makes a fresh authentication where the request wants a second factor anyway; prompt=login
        (and max_age=0, which means the same) always begins with the first.
        """
        second = self._second_factor_is_due(session, user)
        steps_up = second and self._wants_mfa() and not self._asks_to_begin_anew()
        if not self._signed_in_here(session) and self._is_too_old(session) and not steps_up:
            return Login()
        if not second:
            return None
        return Mfa(self._wants_phr()) if self.now - session.password_at <= STEP_UP_WINDOW else Login()

    def _second_factor_is_due(self, session: BrowserSession, user: User) -> bool:
        """Say whether a user who has a second factor must give it now; a passkey that a browser added by itself is one
        where nothing less will do.
        """
        if not user.has_second_factor and not (user.has_passkey and (self._mfa_is_a_must() or self._wants_phr())):
            return False
        if session.mfa_at is None or not session.mfa_is_remembered(self.now):
            return True
        if not self._wants_mfa():
            return False
        if session.acr(self.now) != ACR_MFA:  # a password was given since
            return True
        if user.has_passkey and self._wants_phr() and not session.resists_phishing(self.now):
            return True
        if self.request.max_age is None or self._given_here(session.mfa_at):
            return False
        return self.request.max_age == 0 or self.now - session.mfa_at > timedelta(seconds=self.request.max_age)

    def _is_too_old(self, session: BrowserSession) -> bool:
        if self._asks_to_begin_anew():
            return True
        limit = self.request.max_age
        return limit is not None and self.now - session.auth_time > timedelta(seconds=limit)

    def _asks_to_begin_anew(self) -> bool:
        return "login" in self.request.prompts or self.request.max_age == 0

    def _signed_in_here(self, session: BrowserSession) -> bool:
        return self.waiting is not None and self.waiting.signed_in_session_id == session.id

    def _given_here(self, given_at: datetime) -> bool:
        return self.waiting is not None and given_at >= self.waiting.created_at

    def _acr_exists(self) -> bool:
        """Say whether anybody could reach a class that is a must."""
        essential = self.request.essential_acr
        return essential is None or bool(essential & set(ACRS))

    def _mfa_is_a_must(self) -> bool:
        essential = self.request.essential_acr
        return self.client.require_mfa or (essential is not None and ACR_1FA not in essential)

    def _wants_mfa(self) -> bool:
        """Say whether nothing less than a second factor will do; a wish counts while the user can meet it."""
        wished = bool({ACR_MFA, ACR_PHR} & self.request.acr_values) and ACR_1FA not in self.request.acr_values
        return wished or self._mfa_is_a_must()

    def _phr_is_a_must(self) -> bool:
        essential = self.request.essential_acr
        return essential is not None and not essential & {ACR_1FA, ACR_MFA}

    def _wants_phr(self) -> bool:
        """Say whether it has to be a passkey, of a user who has one."""
        wished = ACR_PHR in self.request.acr_values and not {ACR_1FA, ACR_MFA} & self.request.acr_values
        return wished or self._phr_is_a_must()

    def _falls_short(self, session: BrowserSession) -> bool:
        """Say whether what is a must was not reached, by somebody who cannot reach it."""
        without_second = self._mfa_is_a_must() and session.acr(self.now) != ACR_MFA
        return without_second or (self._phr_is_a_must() and not session.resists_phishing(self.now))

    # ------------------------------------------------ whether they agree

    def _missing_answer(self, session: BrowserSession, *, consent_missing: bool) -> Step | None:
        waiting, prompts = self.waiting, self.request.prompts
        confirmed = waiting is not None and session.id in {
            # a sign-in alone lets no device in: its person must have seen which one it is (RFC 8628 s5.4)
            None if self.request.device else waiting.signed_in_session_id,
            waiting.continued_session_id,
            waiting.consented_session_id,
        }
        if not confirmed and "select_account" in prompts:
            return Confirm()
        consented = waiting is not None and waiting.consented_session_id == session.id
        if consent_missing or ("consent" in prompts and not consented):
            return Consent()
        if not confirmed and self._needs_confirmation():
            return Confirm()
        return None

    def _needs_confirmation(self) -> bool:
        """Report whether a session alone must not answer.

        Any app can claim a custom scheme or a loopback port; a claimed https address opens a native client's app only
        after a tap of the person.
        """
        native = self.client.application_type == "native"
        return native or self.client.always_continue or not identity_is_assured(self.request.redirect_uri)
