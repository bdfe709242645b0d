"""An address that is proven by a link that arrived there. Until then the one before counts.

Policy: ADR-0119; Spec: OpenID Connect Core s5.1 (`email_verified`)
"""

from datetime import datetime
from enum import Enum
from typing import Protocol

from services.auth.accounts.email_address import parse_email_address
from services.auth.accounts.one_time_link import OneTimeLink, OneTimeLinks
from services.auth.accounts.people import People
from services.auth.accounts.user import User, Users
from services.auth.audit import AuditEvent, AuditTrail, Origin
from services.auth.mail.outbox import MailKind, Mails, queue_notice, queue_verification


class VerificationStores(Protocol):
    """What is read and written."""

    @property
    def users(self) -> Users: ...
    @property
    def links(self) -> OneTimeLinks: ...
    @property
    def people(self) -> People: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def audit(self) -> AuditTrail: ...


class Verified(Enum):
    """What came of a link."""

    DONE = "done"
    #: Somebody else signs in by this address.
    TAKEN = "taken"
    #: The link is used, ended, expired or another browser's.
    OVER = "over"


def ask_for_verification(stores: VerificationStores, user: User, address: str, origin: Origin, now: datetime) -> bool:
    """Queue a mail to an address that the user says is theirs; False when there were enough to it or by them.

    Whether somebody else has it is told to nobody but its reader.
    """
    if not queue_verification(stores, user.id, address, now):
        return False
    stores.audit.record(AuditEvent("email_verification_asked", now, user_id=user.id, origin=origin))
    return True


def verify_email(
    stores: VerificationStores, link: OneTimeLink, browser_hash: bytes, origin: Origin, now: datetime
) -> Verified:
    """Use the link up, and let its address be the user's; the one before is told. In a transaction of the caller's.

    Raises:
        Conflict: somebody else proves the address at this moment; the answer to it is TAKEN.
    """
    stores.users.lock_for_end(link.user_id)
    user = stores.users.find(link.user_id)
    if user is None or user.disabled_at is not None or link.email is None:
        return Verified.OVER
    if not stores.links.use(link.token_hash, browser_hash, now):
        return Verified.OVER
    address = parse_email_address(link.email)
    if stores.people.owner_of(address.key) not in {None, user.id}:
        return Verified.TAKEN
    changed = user.email_key != address.key
    if changed:
        queue_notice(stores, user, MailKind.ADDRESS_CHANGED, origin, now)
    stores.people.set_email(user.id, address, verified_at=now, now=now)
    stores.links.end_of_user(user.id, now)  # a link for a new password is on its way to the address before
    stores.audit.record(AuditEvent("email_changed", now, user_id=user.id, origin=origin, details={"verified": True}))
    return Verified.DONE
