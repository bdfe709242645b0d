"""Signing in by a passkey: alone, or as the second factor.

Spec: WebAuthn Level 3 s7.2, NIST SP 800-63B-4 s3.1.7, OWASP ASVS 6.3; Policy: ADR-0110
One answer and the same statements for a credential that nobody has, one of a disabled user and a wrong signature. A
challenge is used up before its answer is verified, in a transaction of its own.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth.accounts.browser_session import Method
from services.auth.accounts.failure_budget import Attempt, Blocked, account_of
from services.auth.accounts.passkey import ChallengeOwner, Passkey, PasskeyUse, Purpose
from services.auth.accounts.passkey_ceremony import (
    Answer,
    Assertion,
    RefusedAnswerError,
    RelyingParty,
    read_answer,
    request_options,
    verify_assertion,
)
from services.auth.accounts.user import User
from services.auth.audit import AuditEvent, Refusal, refuse
from services.auth.authorization.repeat import Submission
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.sign_in_outcome import Outcome, TooLate, Wrong, came_of
from services.auth.authorization.sign_in_steps import (
    Browser,
    FirstFactor,
    SignInSteps,
    SignInStores,
    first_factor_stands,
)
from services.auth.mail.outbox import MailKind, queue_notice
from services.auth.opaque_token import digest
from services.auth.rate_limits.pace import Pace

_NOBODY = UUID(int=0)
#: What a credential that is no good any more is refused for: its authenticator may forget it.
_UNKNOWN = {"credential_unknown", "signature_wrong"}


@dataclass(frozen=True)
class Asked:
    """One answer of one browser, for one waiting request; `first`: whose second factor it is, None: it is alone."""

    waiting: WaitingRequest
    browser: Browser
    submission: Submission
    first: FirstFactor | None

    @property
    def owner(self) -> ChallengeOwner:
        return challenge_owner(self.waiting, self.first)


def challenge_owner(waiting: WaitingRequest, first: FirstFactor | None) -> ChallengeOwner:
    """Return whose challenge it is: this request's, and no other step's."""
    return ChallengeOwner(Purpose.SIGN_IN if first is None else Purpose.SECOND_FACTOR, waiting.handle_hash)


@dataclass(frozen=True)
class PasskeySignIn:
    """The ceremony at /login and at /mfa. `party`: who asks."""

    steps: SignInSteps
    party: RelyingParty

    def ask(self, waiting: WaitingRequest, first: FirstFactor | None, now: datetime) -> dict[str, Any]:
        """Return what the browser is to ask its authenticators, with a challenge that is good once, for this request.

        Without `first` it says nothing of any account.
        """
        challenge = secrets.token_bytes(32)
        with self.steps.database.transaction() as stores:
            stores.passkey_challenges.put(challenge_owner(waiting, first), challenge, now)
            theirs = [] if first is None else _usable(stores, first.user)
        return request_options(self.party, challenge, allowed=theirs, verify_user=first is None)

    def verify(self, asked: Asked, text: str, pace: Pace, now: datetime) -> Outcome:
        """Try the answer `text`, which the browser made of `ask`.

        Raises:
            TooManyRequests: nothing is left of the network's limit, and it is no known browser.
        """
        answer, because = _read(text)
        with self.steps.database.autocommit() as stores:
            if (before := came_of(stores, asked.submission, now)) is not None:
                return before
            passkey = stores.passkeys.find_by_credential(answer.credential_id if answer else b"")
            user = stores.users.find(passkey.user_id if passkey else _NOBODY)
        if asked.first is not None:
            user = asked.first.user
            passkey = passkey if passkey is not None and passkey.user_id == user.id else None
        name = user.username if user else _nobodys_name(answer)
        attempt = self.steps.begin(asked.waiting, asked.browser, asked.submission, name, pace, now)
        if isinstance(attempt, Blocked):
            return attempt
        if answer is None:
            return self._refuse(asked, user, name, because)
        with self.steps.database.transaction() as stores:
            if not stores.passkey_challenges.use(asked.owner, answer.challenge, now):
                attempt.give_back(stores.budgets, now)
                refuse(Refusal.PASSKEY_CHALLENGE_OVER, client_id=asked.waiting.request.client_id)
                return TooLate()
        try:
            assertion = verify_assertion(self.party, answer, passkey)
            if not assertion.user_verified and asked.first is None:
                raise RefusedAnswerError("user_not_verified")  # noqa: TRY301 - refused as the others are
        except RefusedAnswerError as refused:
            return self._refuse(asked, user, name, refused.because)
        with self.steps.database.transaction() as stores:
            return self._accept(stores, asked, attempt, assertion, pace, now)

    def _accept(
        self,
        stores: SignInStores,
        asked: Asked,
        attempt: Attempt,
        assertion: Assertion,
        pace: Pace,
        now: datetime,
    ) -> Outcome:
        """Go on with what the passkey proves, unless its user may not sign in or somebody else holds it too."""
        passkey = assertion.passkey
        user = stores.users.lock(passkey.user_id)  # as of now, and held: an end may have come meanwhile
        if user is None or not user.may_sign_in(now):
            return self._refuse(asked, user, attempt.contender.username, "user_disabled")
        first = asked.first
        if first is not None and not first_factor_stands(stores, asked.waiting, user, asked.browser, now):
            return self._refuse(asked, user, user.username, "first_factor_over")
        if passkey.copied_at is not None:
            return self._refuse(asked, user, user.username, "copied")
        if max(assertion.sign_count, passkey.sign_count) > 0 and assertion.sign_count <= passkey.sign_count:
            stores.passkeys.mark_copied(passkey, now)
            details = {"passkey": str(passkey.id), "count": assertion.sign_count, "known": passkey.sign_count}
            origin = asked.browser.origin
            stores.audit.record(AuditEvent("passkey_copied", now, user_id=user.id, origin=origin, details=details))
            queue_notice(stores, user, MailKind.PASSKEY_COPIED, origin, now)
            return self._refuse(asked, user, user.username, "copied")
        if not stores.passkeys.use(passkey, PasskeyUse(assertion.sign_count, assertion.backed_up, now)):
            return self._refuse(asked, user, user.username, "used_meanwhile")
        pace.release()
        first = first or FirstFactor(user, now, Method.PASSKEY)
        return self.steps.complete(
            stores, asked.waiting, asked.browser, asked.submission, attempt, first, Method.PASSKEY, now
        )

    def _refuse(self, asked: Asked, user: User | None, name: str, because: str) -> Wrong:
        event = Refusal.PASSKEY_FAILED if asked.first is None else Refusal.SECOND_FACTOR_FAILED
        client_id = asked.waiting.request.client_id
        refuse(event, client_id=client_id, user_id=user.id if user else None, about=account_of(name), because=because)
        return Wrong(credential_unknown=because in _UNKNOWN)


def passkey_sign_in(steps: SignInSteps, site: str | None, name: str, origins: tuple[str, ...]) -> PasskeySignIn | None:
    """Return the ceremonies of a site; None: it can have no passkeys."""
    return None if site is None else PasskeySignIn(steps, RelyingParty(site, name, origins))


def _usable(stores: SignInStores, user: User) -> list[Passkey]:
    return [passkey for passkey in stores.passkeys.of_user(user.id) if passkey.copied_at is None]


def _read(text: str) -> tuple[Answer | None, str]:
    try:
        return read_answer(text), ""
    except RefusedAnswerError as refused:
        return None, refused.because


def _nobodys_name(answer: Answer | None) -> str:
    """Return what attempts with a credential that nobody has are counted by: no account has a name of that form."""
    return f"passkey {digest(answer.credential_id.hex() if answer else '').hex()}"
