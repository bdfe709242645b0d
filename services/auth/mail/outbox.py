"""The outbox of mail: what is still to be sent to whom.

Policy: ADR-0093
A row is written in the transaction of what it tells of, so that neither is without the other. It holds no secret: a
link is made when its mail is sent. A process claims a row by moving its next attempt to after the lease, as with logout
notices: when it dies in between, another one finds it due again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.accounts.user import User, Users
from services.auth.audit import Origin
from services.auth.language import language
from services.auth.opaque_token import digest
from shared.clock import epoch

#: How long a claimed row is left to the process that claimed it; it sends for half of that at most.
LEASE = timedelta(minutes=5)
#: Rows that a process claims at once, and sends on one connection.
BATCH = 20
#: Reset mails, and mails to prove an address, that one address, and one user, gets within `PER`.
MOST_RESETS, PER = 5, timedelta(hours=1)


class MailKind(StrEnum):
    """What a mail says."""

    INVITATION = "invitation"
    RESET = "reset"
    NEW_DEVICE = "new_device"
    PASSWORD_CHANGED = "password_changed"
    FACTOR_CHANGED = "factor_changed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_COPIED = "passkey_copied"
    REUSE_DETECTED = "reuse_detected"
    RECOVERY_CODE_USED = "recovery_code_used"
    VERIFICATION = "verification"
    ADDRESS_CHANGED = "address_changed"
    PHONE_LOST = "phone_lost"


@dataclass(frozen=True, repr=False)
class Mail:
    """One row. `attempts` counts this one already once it is claimed.

    `address`: of an invitation or notice, where it goes; of a reset, the name or address that somebody typed, and whose
    it is is found when it is sent. `values`: what the text needs besides, and the language of whoever caused it; never
    a secret.
    """

    id: UUID
    kind: MailKind
    user_id: UUID | None
    address: str
    values: dict[str, Any]
    created_at: datetime
    attempts: int = 0


class Mails(Protocol):
    """The port that storage implements."""

    def add(self, mail: Mail, address_hash: bytes) -> None: ...

    def sent_since(self, kind: MailKind, since: datetime, *, address_hash: bytes | None, user_id: UUID | None) -> int:
        """Count those of this kind to an address, or to a user, that were queued since."""
        ...

    def claim(self, now: datetime, *, lease: timedelta, limit: int) -> list[Mail]:
        """Take those that are due, the oldest first, in one statement: no two processes get the same one."""
        ...

    def is_open(self, mail: Mail) -> bool:
        """Say whether it is still to be sent."""
        ...

    def put_off(self, mail: Mail, until: datetime) -> None:
        """Try again then; does nothing if another process has claimed it meanwhile."""
        ...

    def finish(self, mail: Mail, outcome: str, now: datetime, *, user_id: UUID | None) -> bool:
        """Close the row and forget its address and values; False when it was closed before."""
        ...


class MailStores(Protocol):
    """What queueing writes to."""

    @property
    def mails(self) -> Mails: ...


def queue_invitation(stores: MailStores, user_id: UUID, address: str, now: datetime) -> None:
    """Invite somebody at the address that an operator gave for them."""
    _queue(stores, Mail(uuid7(), MailKind.INVITATION, user_id, address, {}, now))


def queue_reset(stores: MailStores, typed: str, now: datetime) -> bool:
    """Take a request for a new password from whoever typed this; False when there were enough for it.

    The same statements whoever is meant, if anybody: that is looked up when the mail is sent.
    """
    recent = stores.mails.sent_since(MailKind.RESET, now - PER, address_hash=digest(typed), user_id=None)
    if recent >= MOST_RESETS:
        return False
    _queue(stores, Mail(uuid7(), MailKind.RESET, None, typed, {}, now))
    return True


def queue_verification(stores: MailStores, user_id: UUID, address: str, now: datetime) -> bool:
    """Send a link to an address that a user says is theirs; False when there were enough to it, or by this user."""
    since, kind = now - PER, MailKind.VERIFICATION
    to_it = stores.mails.sent_since(kind, since, address_hash=digest(address), user_id=None)
    by_them = stores.mails.sent_since(kind, since, address_hash=None, user_id=user_id)
    if max(to_it, by_them) >= MOST_RESETS:
        return False
    _queue(stores, Mail(uuid7(), kind, user_id, address, {}, now))
    return True


@dataclass(frozen=True)
class Notices:
    """Implements `tokens.family.ReuseNotices`: what is below the mail says what happened, and this tells it."""

    users: Users
    mails: Mails

    def reuse_detected(self, user_id: UUID, origin: Origin, now: datetime) -> None:
        user = self.users.find(user_id)
        if user is not None:
            queue_notice(self, user, MailKind.REUSE_DETECTED, origin, now)


def queue_notice(stores: MailStores, user: User, kind: MailKind, origin: Origin | None, now: datetime) -> None:
    """Tell a user by mail what has just happened, if they have a verified address."""
    if user.verified_email is None:
        return
    values = {"at": epoch(now), "agent": origin.agent if origin else "", "network": origin.network if origin else ""}
    _queue(stores, Mail(uuid7(), kind, user.id, user.verified_email, values, now))


def _queue(stores: MailStores, mail: Mail) -> None:
    spoken = replace(mail, values={**mail.values, "language": language()})
    stores.mails.add(spoken, digest(mail.address))
