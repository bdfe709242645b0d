"""A change that somebody makes to their own ways to sign in, and the session that they make it in.

Policy: ADR-0115; Spec: OWASP ASVS 7.2.4, 7.4.3
The session goes on with a new cookie, and counts as begun now. A change that takes a factor away, or the password, ends
everything else that the user has in the same transaction. A form that is sent twice is answered twice alike.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.auth.accounts.browser_session import BrowserSession, Method, SessionLifetimes
from services.auth.accounts.failure_budget import FailureBudgets
from services.auth.accounts.known_devices import DeviceSecrets, KnownDevices
from services.auth.accounts.passkey import Passkeys
from services.auth.accounts.people import People
from services.auth.accounts.recovery_codes import RecoveryCodes
from services.auth.accounts.totp import TotpCredentials
from services.auth.accounts.user import User
from services.auth.audit import AuditEvent, Origin
from services.auth.authorization.repeat import StepAnswers, Submission, keep_answer, kept_answer, submission_of
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.keys.key_ring import KeyRing
from services.auth.mail.outbox import MailKind, Mails, queue_notice
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.revocation import EndStores, end_user
from services.auth.tokens.end_reason import EndReason

#: For how long what is begun on a page, and what is shown once, is kept for the browser that it is for.
KEPT = timedelta(minutes=10)


class ChangeStores(EndStores, Protocol):
    """What is read and written."""

    @property
    def people(self) -> People: ...
    @property
    def totp(self) -> TotpCredentials: ...
    @property
    def passkeys(self) -> Passkeys: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def budgets(self) -> FailureBudgets: ...
    @property
    def devices(self) -> KnownDevices: ...
    @property
    def step_answers(self) -> StepAnswers: ...


class ChangeDatabase(Protocol):
    """Opens those stores."""

    def transaction(self) -> AbstractContextManager[ChangeStores]: ...

    def autocommit(self) -> AbstractContextManager[ChangeStores]: ...


@dataclass(frozen=True)
class Changer:
    """Who makes a change, and in which browser. `submission`: the form; `leads_to`: where it leads when it is done."""

    signed_in: SignedIn
    session_cookie: str = field(repr=False)
    devices: DeviceSecrets = field(repr=False)
    origin: Origin
    submission: Submission
    leads_to: str
    now: datetime

    @property
    def user(self) -> User:
        return self.signed_in.user

    @property
    def session(self) -> BrowserSession:
        return self.signed_in.session

    def kept_as(self, what: str) -> Submission:
        """Return what this browser's session keeps something under; nobody else's finds or opens it."""
        return submission_of(self.session_cookie, what)


@dataclass(frozen=True, repr=False)
class Changed:
    """Done: what the browser is called from now on, and where it goes."""

    session_cookie: str
    device_cookie: str
    leads_to: str


@dataclass(frozen=True)
class Refused:
    """Nothing was changed, for the reason that this sentence gives."""

    sentence: str


@dataclass(frozen=True)
class Over:
    """Nothing was changed: the session has ended meanwhile, or another tab was quicker."""


@dataclass(frozen=True)
class OwnChanges:
    """What every change needs. `company`: words that are no part of a good password here."""

    database: ChangeDatabase
    encryption_keys: KeyRing
    lifetimes: SessionLifetimes
    company: str


def hold(stores: ChangeStores, changer: Changer) -> SignedIn | None:
    """Hold the user's row against every end, and return who is signed in as of now.

    None: nobody any more, or not by a second factor that was set up elsewhere meanwhile.
    """
    stores.users.lock_for_end(changer.user.id)
    held = find_signed_in(stores, digest(changer.session_cookie), changer.now)
    return held if held is not None and held.by_every_factor(changer.now) else None


def finish(
    stores: ChangeStores,
    changes: OwnChanges,
    changer: Changer,
    *,
    event: str,
    mail: MailKind,
    ends: EndReason | None = None,
    mfa_at: datetime | None = None,
    **details: Any,
) -> Changed:
    """Give the session a new cookie, write the change down, and tell the user; after `hold`, in its transaction.

    `ends`: why everything else of the user ends; None: it does not. `mfa_at`: when a code of an app was given for it.
    """
    user, session, now = changer.user, changer.session, changer.now
    if ends is not None:
        end_user(stores, user.id, reason=ends, origin=changer.origin, now=now, keep=session.id)
    cookie = mint_opaque_token()
    renewed = replace(
        session,
        cookie_hash=digest(cookie),
        auth_time=now,
        mfa_at=mfa_at or session.mfa_at,
        second_method=Method.OTP if mfa_at is not None else session.second_method,
        idle_expires_at=min(now + changes.lifetimes.idle, session.expires_at),
    )
    stores.sessions.renew(renewed)
    changed = Changed(cookie, changer.devices.renewed(stores.devices, user.id, now), changer.leads_to)
    kept = {"session": changed.session_cookie, "device": changed.device_cookie, "leads_to": changed.leads_to}
    keep_answer(stores.step_answers, changer.submission, kept, now)
    stores.audit.record(
        AuditEvent(event, now, user_id=user.id, session_id=session.id, origin=changer.origin, details=details)
    )
    queue_notice(stores, user, mail, changer.origin, now)
    return changed


def changed_before(stores: ChangeStores, submission: Submission, now: datetime) -> Changed | None:
    """Return what came of the same form in the last minute, while the session that it renewed is there."""
    kept = kept_answer(stores.step_answers, submission, now)
    if kept is None or "leads_to" not in kept or find_signed_in(stores, digest(kept["session"]), now) is None:
        return None
    return Changed(kept["session"], kept["device"], kept["leads_to"])
