"""Signing in: a password, and for users who have one a second factor; at the end a session.

Policy: ADR-0007, ADR-0074; Spec: NIST SP 800-63B-4 s3.2.2, OWASP ASVS 6.3
One answer and the same work for an unknown user and a wrong password: as many hashes, and the same statements.
Attempts are counted before they are verified, in transactions of their own: a refusal is remembered whatever follows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.auth.accounts.browser_session import Method
from services.auth.accounts.failure_budget import Attempt, Blocked, Contender, account_of
from services.auth.accounts.password import ACCOUNT_SHARE, NETWORK_SHARE, verify_password
from services.auth.accounts.recovery_codes import matching_code
from services.auth.accounts.sealed_password import open_hash, renewed_hash
from services.auth.accounts.second_factor import GivenFactor, TotpCode, TypedRecoveryCode
from services.auth.accounts.totp import verify_totp
from services.auth.accounts.user import User, normalise_username
from services.auth.audit import AuditEvent, Origin, Refusal, refuse
from services.auth.authorization.repeat import Submission, keep_answer
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.sign_in_outcome import FirstFactorDone, Outcome, Wrong, came_of
from services.auth.authorization.sign_in_steps import (
    Browser,
    FirstFactor,
    SignInDatabase,
    SignInSteps,
    SignInStores,
    first_factor_stands,
    record_step,
)
from services.auth.authorization.signed_in import signed_in_as
from services.auth.keys.key_ring import KeyRing
from services.auth.mail.outbox import MailKind, queue_notice
from services.auth.rate_limits.pace import Pace
from shared.errors import Unavailable

_Result = TypeVar("_Result")
_NOBODY = UUID(int=0)


@dataclass(frozen=True)
class SignIn:
    """The two steps of a sign-in for one waiting request of one browser."""

    steps: SignInSteps
    encryption_keys: KeyRing

    @property
    def database(self) -> SignInDatabase:
        return self.steps.database

    def repeated(self, submission: Submission, now: datetime) -> Outcome | None:
        """Return what came of this very form in the last minute; None: it is new, or it was wrong."""
        with self.database.transaction() as stores:
            return came_of(stores, submission, now)

    def with_password(
        self,
        waiting: WaitingRequest,
        browser: Browser,
        submission: Submission,
        username: str,
        password: str,
        pace: Pace,
        now: datetime,
    ) -> Outcome:
        """Try the first factor. `submission`: the form, which has the same outcome when it comes again. `pace`: of its
        network, which is not asked of a known browser.

        Raises:
            TooManyRequests: nothing is left of the network's limit, and it is no known browser.
            Unavailable: too many passwords are being verified, of all or of its network.
        """
        name = normalise_username(username)
        with self.database.autocommit() as stores:
            if (before := came_of(stores, submission, now)) is not None:
                return before
            user = stores.users.find_for_sign_in(name)
        name = user.username if user else name  # one budget, by whichever name somebody comes
        attempt = self.steps.begin(waiting, browser, submission, name, pace, now)
        if isinstance(attempt, Blocked):
            return attempt
        shares = _shares(attempt.contender)
        right = self._hashing(attempt, lambda: verify_password(password, self._hash_of(user), shares), now)
        if user is not None and right:
            self._renew_hash(user, password)
        with self.database.transaction() as stores:
            # as of now, and held: an end may have come while the password was verified
            user = stores.users.lock(user.id if user else _NOBODY)
            if user is None or not right or not user.may_sign_in(now):
                refuse(
                    Refusal.SIGN_IN_FAILED,
                    client_id=waiting.request.client_id,
                    user_id=user.id if user else None,
                    about=account_of(name),
                )
                return Wrong()
            pace.release()
            attempt.give_back(stores.budgets, now)
            if (before := came_of(stores, submission, now)) is not None:  # the other of two taps was quicker
                return before
            if user.has_second_factor and not _mfa_is_remembered(stores, user, browser, now):
                stores.waiting_requests.set_first_factor(waiting.handle_hash, user.id, now)
                record_step(stores, "first_factor_accepted", user, waiting, browser, now)
                keep_answer(stores.step_answers, submission, {"session": None}, now)
                return FirstFactorDone()
            first = FirstFactor(user, now, Method.PASSWORD)
            return self.steps.complete(stores, waiting, browser, submission, attempt, first, None, now)

    def _hash_of(self, user: User | None) -> str | None:
        return None if user is None else open_hash(self.encryption_keys, user.id, user.password_hash)

    def _renew_hash(self, user: User, password: str) -> None:
        """Store a password that was right as one is stored today, unless it has changed meanwhile."""
        if user.password_hash is None:
            return
        anew = renewed_hash(self.encryption_keys, user.id, user.password_hash, password)
        if anew is not None:  # by itself: two sign-ins at once, each holding the user, would wait for each other
            with self.database.autocommit() as stores:
                stores.people.replace_hash(user.id, read=user.password_hash, write=anew)

    def with_second_factor(
        self,
        waiting: WaitingRequest,
        browser: Browser,
        submission: Submission,
        first: FirstFactor,
        given: GivenFactor,
        pace: Pace,
        now: datetime,
    ) -> Outcome:
        """Try a second factor of the user whose first factor was right.

        That was in this request, or in a session, which must still be there: no factor outlives what it was given for.

        Raises:
            TooManyRequests: nothing is left of the network's limit, and it is no known browser.
            Unavailable: too many codes are being verified, of all or of its network.
        """
        user = first.user
        attempt = self.steps.begin(waiting, browser, submission, user.username, pace, now)
        if isinstance(attempt, Blocked):
            return attempt
        code_id = self._recovery_code(user, given, attempt, now)
        with self.database.transaction() as stores:
            held = stores.users.lock(user.id)  # as of now: an end may have come since the page was read
            right = self._is_right(stores, user.id, given, code_id, now)
            if not right and (before := came_of(stores, submission, now)) is not None:
                attempt.give_back(stores.budgets, now)  # the other of two taps has used the code up
                return before
            if held is None or not right or not first_factor_stands(stores, waiting, held, browser, now):
                refuse(Refusal.SECOND_FACTOR_FAILED, client_id=waiting.request.client_id, user_id=user.id)
                return Wrong()
            pace.release()
            if isinstance(given, TypedRecoveryCode):
                _tell_of_recovery_code(stores, held, browser.origin, now)
            first = replace(first, user=held)
            return self.steps.complete(stores, waiting, browser, submission, attempt, first, Method.OTP, now)

    def _recovery_code(self, user: User, given: GivenFactor, attempt: Attempt, now: datetime) -> UUID | None:
        """Return which of the user's recovery codes was typed, if it was one; found before the transaction."""
        if not isinstance(given, TypedRecoveryCode):
            return None
        with self.database.autocommit() as stores:
            stored = stores.recovery_codes.find(user.id)
        shares = _shares(attempt.contender)
        return self._hashing(attempt, lambda: matching_code(self.encryption_keys, stored, given.text, shares), now)

    def _is_right(
        self, stores: SignInStores, user_id: UUID, given: GivenFactor, code_id: UUID | None, now: datetime
    ) -> bool:
        """Verify the factor, and use it up."""
        match given:
            case TotpCode(otp):
                return verify_totp(stores.totp, self.encryption_keys, user_id, otp, now)
            case TypedRecoveryCode():
                return code_id is not None and stores.recovery_codes.use(code_id)

    def _hashing(self, attempt: Attempt, hashed: Callable[[], _Result], now: datetime) -> _Result:
        try:
            return hashed()
        except Unavailable:  # nothing was verified, so nothing has failed
            with self.database.transaction() as stores:
                attempt.give_back(stores.budgets, now)
            raise


def _shares(contender: Contender) -> dict[str, int]:
    """Return who does this work, and how much of the queue each may take: a known browser nothing of its network's."""
    shares = {contender.budget_key.value.hex(): ACCOUNT_SHARE}
    return shares if contender.device is not None else {contender.network: NETWORK_SHARE, **shares}


def _mfa_is_remembered(stores: SignInStores, user: User, browser: Browser, now: datetime) -> bool:
    session = signed_in_as(user, stores, browser.session_hash, now)
    return session is not None and session.mfa_is_remembered(now)


def _tell_of_recovery_code(stores: SignInStores, user: User, origin: Origin, now: datetime) -> None:
    details = {"left": stores.recovery_codes.count(user.id)}
    stores.audit.record(AuditEvent("recovery_code_used", now, user_id=user.id, origin=origin, details=details))
    queue_notice(stores, user, MailKind.RECOVERY_CODE_USED, origin, now)
