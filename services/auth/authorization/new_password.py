"""A new password by a one-time link: what the pages /invitation and /reset do.

Policy: ADR-0091; Spec: NIST SP 800-63B-4 s4.2.2, OWASP ASVS 6.4.3
The password is set and everything that was signed in is over; nobody is signed in by it, and the second factor stays.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.accounts.one_time_link import REPEATABLE, LinkKind, OneTimeLink, OneTimeLinks, token_hash_of
from services.auth.accounts.password import hash_password
from services.auth.accounts.password_policy import password_fault
from services.auth.accounts.people import People
from services.auth.accounts.sealed_password import seal_hash
from services.auth.accounts.user import User
from services.auth.audit import AuditEvent, Origin
from services.auth.keys.key_ring import KeyRing
from services.auth.mail.outbox import MailKind, Mails, queue_notice
from services.auth.revocation import EndStores, end_user
from services.auth.tokens.end_reason import EndReason


class NewPasswordStores(EndStores, Protocol):
    """What is read and written."""

    @property
    def links(self) -> OneTimeLinks: ...
    @property
    def people(self) -> People: ...
    @property
    def mails(self) -> Mails: ...


class NewPasswordDatabase(Protocol):
    """Opens those stores."""

    def transaction(self) -> AbstractContextManager[NewPasswordStores]: ...

    def autocommit(self) -> AbstractContextManager[NewPasswordStores]: ...


@dataclass(frozen=True)
class Given:
    """A link that is good, and whose it is."""

    link: OneTimeLink
    user: User


@dataclass(frozen=True)
class Fault:
    """The password may not be chosen; the link is as good as before."""

    sentence: str


@dataclass(frozen=True)
class PasswordSet:
    """Done, now or by this browser a moment ago."""


@dataclass(frozen=True)
class LinkOver:
    """The link is unknown, used, ended, expired, or another browser's."""


@dataclass(frozen=True)
class NewPassword:
    """What a link does. `company`: words that are not part of a good password here."""

    database: NewPasswordDatabase
    encryption_keys: KeyRing
    company: str

    def find(self, token: str | None, kind: LinkKind, browser_hash: bytes | None, now: datetime) -> Given | None:
        """Return the link that a browser brings, if it may go on with it."""
        token_hash = token_hash_of(token)
        if token_hash is None:
            return None
        with self.database.autocommit() as stores:
            link = stores.links.find(token_hash, now)
            if link is None or link.kind is not kind or link.browser_hash not in {None, browser_hash}:
                return None
            user = stores.users.find(link.user_id)
        return None if user is None or user.disabled_at is not None else Given(link, user)

    def accept(self, given: Given, browser_hash: bytes, origin: Origin, now: datetime) -> bool:
        """Bind an invitation to this browser; False when another one was first."""
        with self.database.transaction() as stores:
            if not stores.links.accept(given.link.token_hash, browser_hash, now):
                return False
            event = AuditEvent("invitation_accepted", now, user_id=given.user.id, origin=origin)
            stores.audit.record(event)
        return True

    def choose(
        self, given: Given, browser_hash: bytes, password: str, origin: Origin, now: datetime
    ) -> PasswordSet | Fault | LinkOver:
        """Set the password, and end all that its user has.

        Raises:
            Unavailable: too many passwords are being hashed at this moment.
        """
        user, link = given.user, given.link
        words = (user.username, user.display_name, user.email or "", self.company)
        if sentence := password_fault(password, has_second_factor=user.has_second_factor, context=words):
            return Fault(sentence)
        password_hash = seal_hash(self.encryption_keys, user.id, hash_password(password))
        with self.database.transaction() as stores:
            stores.users.lock_for_end(user.id)
            now_user = stores.users.find(user.id)
            if now_user is None or now_user.disabled_at is not None:
                return LinkOver()
            if not stores.links.use(link.token_hash, browser_hash, now):
                return LinkOver()
            stores.people.set_password(user.id, password_hash, now)
            proven = _prove_address(stores, now_user, link, now)
            reason = EndReason.INVITATION_USED if link.kind is LinkKind.INVITATION else EndReason.PASSWORD_RESET
            end_user(stores, user.id, reason=reason, origin=origin, now=now)
            queue_notice(stores, now_user, MailKind.PASSWORD_CHANGED, origin, now)
            details = {"link": str(link.kind), "address_verified": proven}
            stores.audit.record(AuditEvent("password_set", now, user_id=user.id, origin=origin, details=details))
        return PasswordSet()

    def was_chosen(self, token: str | None, browser_hash: bytes, now: datetime) -> bool:
        """Report whether this browser has just used the link: its form was sent twice."""
        token_hash = token_hash_of(token)
        if token_hash is None:
            return False
        with self.database.autocommit() as stores:
            return stores.links.was_used(token_hash, browser_hash, now - REPEATABLE)


def _prove_address(stores: NewPasswordStores, user: User, link: OneTimeLink, now: datetime) -> bool:
    """Verify the address that the link was sent to, if it is still the user's and nobody else signs in by it."""
    if link.email_key is None or user.email_verified_at is not None or user.email is None:
        return False
    if user.email_key != link.email_key or stores.people.owner_of(link.email_key) not in {None, user.id}:
        return False
    stores.people.verify_email(user.id, now)
    return True
