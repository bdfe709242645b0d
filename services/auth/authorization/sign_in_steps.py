"""What every way to sign in shares: an attempt that is counted before it is verified, and the session at the end.

Policy: ADR-0007, ADR-0074; Spec: NIST SP 800-63B-4 s3.2.2, OWASP ASVS 7.2
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from services.auth import metrics
from services.auth.accounts.browser_session import (
    MOST_SESSIONS,
    Authentication,
    BrowserSession,
    Method,
    SessionLifetimes,
    new_session,
    renewed_session,
)
from services.auth.accounts.failure_budget import Attempt, Blocked, Contender, FailureBudgets, begin
from services.auth.accounts.known_devices import DeviceSecrets, KnownDevices
from services.auth.accounts.passkey import PasskeyChallenges, Passkeys
from services.auth.accounts.people import People
from services.auth.accounts.recovery_codes import RecoveryCodes
from services.auth.accounts.totp import TotpCredentials
from services.auth.accounts.user import User
from services.auth.audit import AuditEvent, Origin
from services.auth.authorization.repeat import StepAnswers, Submission, keep_answer, keep_attempt, repeats_attempt
from services.auth.authorization.request import WaitingRequest, WaitingRequests
from services.auth.authorization.sign_in_outcome import SignedInNow
from services.auth.authorization.signed_in import find_signed_in, signed_in_as
from services.auth.mail.outbox import MailKind, Mails, queue_notice
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.rate_limits.limits import Limit, RateLimits
from services.auth.rate_limits.pace import Pace
from services.auth.revocation import EndStores, end_session
from services.auth.tokens.end_reason import EndReason

#: How long somebody who tried too often is told to wait, whether the tries failed or not.
_TOO_OFTEN = Blocked(timedelta(seconds=10))


class SignInStores(EndStores, Protocol):
    """What signing in reads and writes; it ends the session of another user."""

    @property
    def waiting_requests(self) -> WaitingRequests: ...
    @property
    def totp(self) -> TotpCredentials: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...
    @property
    def passkeys(self) -> Passkeys: ...
    @property
    def passkey_challenges(self) -> PasskeyChallenges: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def people(self) -> People: ...
    @property
    def budgets(self) -> FailureBudgets: ...
    @property
    def devices(self) -> KnownDevices: ...
    @property
    def step_answers(self) -> StepAnswers: ...


class SignInDatabase(Protocol):
    """Opens those stores in one transaction, or for single statements."""

    def transaction(self) -> AbstractContextManager[SignInStores]: ...

    def autocommit(self) -> AbstractContextManager[SignInStores]: ...


@dataclass(frozen=True)
class Browser:
    """Who is asking: the hashes of this browser's cookies (None: it sent none), its device secrets, and its origin."""

    browser_hash: bytes
    session_hash: bytes | None
    devices: DeviceSecrets = field(repr=False)
    origin: Origin


@dataclass(frozen=True)
class FirstFactor:
    """Whose first factor was right, when it was given, and by what: in this request, or in the session."""

    user: User
    given_at: datetime
    method: Method


@dataclass(frozen=True)
class SignInSteps:
    """How a factor's attempt begins, and how a sign-in ends, whatever the factor is."""

    database: SignInDatabase
    lifetimes: SessionLifetimes
    rate_limits: RateLimits

    def begin(
        self,
        waiting: WaitingRequest,
        browser: Browser,
        submission: Submission,
        username: str,
        pace: Pace,
        now: datetime,
    ) -> Attempt | Blocked:
        """Find out whether this browser is known to the user, and count an attempt.

        The second tap of the attempt that blocks the next one is not the next one.

        Raises:
            TooManyRequests: nothing is left of the network's limit, and it is no known browser.
        """
        with self.database.autocommit() as stores:
            device = stores.devices.find(browser.devices.hashes, username, now)
        if device is not None:
            pace.release()
        pace.demand()
        contender = Contender(username, browser.origin.network, device)
        for key in (contender.budget_key.value, waiting.handle_hash):
            if not self.rate_limits.hit(Limit.ATTEMPT, key.hex()):
                return _TOO_OFTEN
        with self.database.transaction() as stores:
            attempt = begin(stores.budgets, contender, now)
            if isinstance(attempt, Attempt):
                if attempt.blocks_the_next:
                    keep_attempt(stores.step_answers, submission, now)
            elif repeats_attempt(stores.step_answers, submission, now):
                return Attempt(contender, failures=0)
            return attempt

    def complete(
        self,
        stores: SignInStores,
        waiting: WaitingRequest,
        browser: Browser,
        submission: Submission,
        attempt: Attempt,
        first: FirstFactor,
        second: Method | None,
        now: datetime,
    ) -> SignedInNow:
        """Open the session of a user who has given every factor, in the transaction that verified the last one.

        `second`: by what the second factor was given, just now; None: it was not.
        """
        attempt.succeed(stores.budgets, now)
        session_cookie = mint_opaque_token()
        user, mfa_at = first.user, None if second is None else now
        authentication = Authentication(
            user.id, digest(session_cookie), first.given_at, mfa_at, now, browser.origin, first.method, second
        )
        session = self._open_session(stores, browser, authentication)
        stores.waiting_requests.set_signed_in(waiting.handle_hash, session.id)
        device_cookie = browser.devices.renewed(stores.devices, user.id, now)
        if attempt.contender.device is None:
            queue_notice(stores, user, MailKind.NEW_DEVICE, browser.origin, now)
        record_step(stores, "signed_in", user, waiting, browser, now, session_id=session.id)
        kept = {"session": session_cookie, "device": device_cookie}
        keep_answer(stores.step_answers, submission, kept, now)
        return SignedInNow(session_cookie, device_cookie)

    def _open_session(self, stores: SignInStores, browser: Browser, authentication: Authentication) -> BrowserSession:
        """Renew this browser's session for the same user, or begin one; another user's ends."""
        before = find_signed_in(stores, browser.session_hash, authentication.at)
        if before is not None and before.user.id == authentication.user_id:
            renewed = renewed_session(before.session, authentication, self.lifetimes)
            if stores.sessions.renew(renewed):
                return renewed
        elif before is not None:
            end_session(
                stores,
                before.session,
                everywhere=False,
                reason=EndReason.SIGNED_IN_AS_ANOTHER_USER,
                origin=browser.origin,
                now=authentication.at,
            )
        user_id, now, surplus = authentication.user_id, authentication.at, EndReason.TOO_MANY_SESSIONS
        for oldest in stores.sessions.surplus(user_id, most=MOST_SESSIONS - 1, now=now):
            end_session(stores, oldest, everywhere=False, reason=surplus, origin=browser.origin, now=now)
        begun = new_session(authentication, self.lifetimes)
        stores.sessions.add(begun)
        return begun


def first_factor_stands(
    stores: SignInStores, waiting: WaitingRequest, user: User, browser: Browser, now: datetime
) -> bool:
    """Report whether the first factor still counts that was given in this request, or in this browser's session."""
    given_at = waiting.first_factor_at
    if waiting.first_factor_user_id == user.id and given_at is not None:
        return user.may_sign_in(given_at)
    return signed_in_as(user, stores, browser.session_hash, now) is not None


def record_step(
    stores: SignInStores,
    event: str,
    user: User,
    waiting: WaitingRequest,
    browser: Browser,
    now: datetime,
    *,
    session_id: UUID | None = None,
) -> None:
    """Count and write down a step that went well."""
    metrics.signed_in(event)
    client_id, origin = waiting.request.client_id, browser.origin
    stores.audit.record(
        AuditEvent(event, now, user_id=user.id, client_id=client_id, session_id=session_id, origin=origin)
    )
