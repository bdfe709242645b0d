"""The passkeys of who is signed in: added by a ceremony, and named.

Spec: WebAuthn Level 3 s7.1, s5.1.3 (conditional create); OWASP ASVS 6.3.7 (notices); Policy: ADR-0110, ADR-0111
"""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.accounts.browser_session import BrowserSession, Method, Sessions
from services.auth.accounts.passkey import (
    LONGEST_NAME,
    MOST_PASSKEYS,
    ChallengeOwner,
    Passkey,
    PasskeyChallenges,
    Passkeys,
    Purpose,
)
from services.auth.accounts.passkey_ceremony import (
    NewCredential,
    RefusedAnswerError,
    RelyingParty,
    creation_options,
    read_answer,
    verify_registration,
)
from services.auth.accounts.user import User, Users
from services.auth.audit import AuditEvent, AuditTrail, Origin, Refusal, refuse
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.mail.outbox import MailKind, Mails, queue_notice

#: For how long after a sign-in by password a browser may add a passkey by itself.
JUST_NOW = timedelta(minutes=5)


class PasskeyStores(Protocol):
    """What is read and written."""

    @property
    def users(self) -> Users: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def passkeys(self) -> Passkeys: ...
    @property
    def passkey_challenges(self) -> PasskeyChallenges: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def audit(self) -> AuditTrail: ...


class PasskeyDatabase(Protocol):
    """Opens those stores in one transaction."""

    def transaction(self) -> AbstractContextManager[PasskeyStores]: ...


class NotAdded(Enum):
    """Why a passkey was not added."""

    TOO_LATE = "too_late"
    REFUSED = "refused"
    KNOWN = "known"
    TOO_MANY = "too_many"


@dataclass(frozen=True)
class Holder:
    """Who adds a passkey, in which session, and from where."""

    user: User
    session: BrowserSession
    origin: Origin

    def owner(self, *, conditional: bool) -> ChallengeOwner:
        purpose = Purpose.CONDITIONAL if conditional else Purpose.REGISTRATION
        return ChallengeOwner(purpose, self.session.cookie_hash)


@dataclass(frozen=True)
class PasskeyRegistration:
    """The ceremony. `party`: who asks."""

    database: PasskeyDatabase
    party: RelyingParty

    def ask(self, holder: Holder, now: datetime, *, conditional: bool) -> dict[str, Any]:
        """Return what the browser is to make a credential by, with a challenge that is good once, for this session.

        `conditional`: as of `add`, which takes no challenge that was made for the other purpose.
        """
        challenge = secrets.token_bytes(32)
        with self.database.transaction() as stores:
            stores.passkey_challenges.put(holder.owner(conditional=conditional), challenge, now)
            present = stores.passkeys.of_user(holder.user.id)
        return creation_options(self.party, challenge, holder.user, present)

    def add(self, holder: Holder, text: str, name: str, now: datetime, *, conditional: bool) -> Passkey | NotAdded:
        """Add what the browser has made of `ask`. `conditional`: by itself, so that it demands nothing of its user."""
        try:
            answer = read_answer(text)
            with self.database.transaction() as stores:
                owner = holder.owner(conditional=conditional)
                if not stores.passkey_challenges.use(owner, answer.challenge, now):
                    return _not_added(holder, NotAdded.TOO_LATE, "challenge_over")
            credential = verify_registration(self.party, answer, conditional=conditional)
        except RefusedAnswerError as refused:
            return _not_added(holder, NotAdded.REFUSED, refused.because)
        passkey = _passkey(holder.user.id, credential, name, now, demanded=not conditional)
        with self.database.transaction() as stores:
            stores.users.lock_for_end(holder.user.id)  # what ends the session or adds a factor holds it too
            held = find_signed_in(stores, holder.session.cookie_hash, now)
            if held is None:
                return _not_added(holder, NotAdded.REFUSED, "session_over")
            if not (may_add_unasked(held, now) if conditional else held.by_every_factor(now)):
                return _not_added(holder, NotAdded.REFUSED, "sign_in_too_weak")
            if len(stores.passkeys.of_user(held.user.id)) >= MOST_PASSKEYS:
                return _not_added(holder, NotAdded.TOO_MANY, "too_many")
            if not stores.passkeys.add(passkey):
                return _not_added(holder, NotAdded.KNOWN, "credential_known")
            details = {"passkey": str(passkey.id), "conditional": conditional, "synced": passkey.backed_up}
            stores.audit.record(
                AuditEvent(
                    "passkey_added",
                    now,
                    user_id=held.user.id,
                    session_id=held.session.id,
                    origin=holder.origin,
                    details=details,
                )
            )
            queue_notice(stores, held.user, MailKind.PASSKEY_ADDED, holder.origin, now)
        return passkey


def may_add_unasked(signed_in: SignedIn, now: datetime) -> bool:
    """Report whether a browser may add a passkey by itself, which signs in by two factors from then on.

    Its user has no passkey, and has just typed the password and given every other factor that they have: a password
    alone must not make a key that stands for two factors of theirs.
    """
    session = signed_in.session
    typed = session.first_method == Method.PASSWORD and now - session.password_at <= JUST_NOW
    return typed and not signed_in.user.has_passkey and signed_in.by_every_factor(now)


def passkey_name(typed: str) -> str:
    """Return the name that a passkey gets of what somebody typed: one line, without controls and bidi marks."""
    shown = "".join(letter for letter in typed[: LONGEST_NAME * 4] if letter.isprintable())
    return " ".join(shown.split())[:LONGEST_NAME] or "Passkey"


def _passkey(user_id: UUID, credential: NewCredential, name: str, now: datetime, *, demanded: bool) -> Passkey:
    return Passkey(
        id=uuid7(),
        user_id=user_id,
        credential_id=credential.credential_id,
        public_key=credential.public_key,
        sign_count=credential.sign_count,
        transports=credential.transports,
        name=passkey_name(name),
        demanded=demanded,
        backup_eligible=credential.backup_eligible,
        backed_up=credential.backed_up,
        created_at=now,
    )


def _not_added(holder: Holder, why: NotAdded, because: str) -> NotAdded:
    refuse(Refusal.PASSKEY_NOT_ADDED, user_id=holder.user.id, because=because)
    return why
