"""The delivery of mail: a task of the auth process that sends what is due, and tries again what failed.

Policy: ADR-0093
While the server is away nothing is claimed, and no row is to blame: what waits is sent when it is back. What the
server refuses for good is closed, one that it refuses for now is tried again, until `give_up_after`. So is one that
cannot be made or sent for a reason that nobody foresaw: it holds up no other.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Protocol
from uuid import UUID

from prometheus_client import Counter

from services.auth.accounts.email_address import parse_email_address
from services.auth.accounts.one_time_link import LinkKind, OneTimeLinks, link_address, mint_link
from services.auth.accounts.user import User, Users, UserState, normalise_username
from services.auth.audit import AuditEvent, AuditTrail
from services.auth.language import speaking
from services.auth.language.tags import DEFAULT, best_of
from services.auth.logout.back_channel.outbox import next_wait
from services.auth.mail.content import content_of
from services.auth.mail.message import Sender, compose
from services.auth.mail.outbox import BATCH, LEASE, MOST_RESETS, PER, Mail, MailKind, Mails
from services.auth.mail.transport import Connection, NotTakenError, ServerAwayError, Transport
from shared.clock import Clock
from shared.errors import Unavailable

#: How long the task sleeps when nobody wakes it: mail of other processes and of commands is found so.
_PAUSE = timedelta(seconds=2)
#: How long a server that was away is left alone: twice as long each time.
_SHORTEST_OUTAGE, _LONGEST_OUTAGE = timedelta(seconds=2), timedelta(minutes=1)

#: Mails whose links an end of all that their user has ends too, sent or not.
_BRING_LINKS = frozenset({MailKind.RESET, MailKind.VERIFICATION})

_log = logging.getLogger(__name__)
_MAILS = Counter("mails_total", "Attempts to send a mail", ["outcome"])


class DeliveryStores(Protocol):
    """What a delivery reads and writes."""

    @property
    def mails(self) -> Mails: ...
    @property
    def users(self) -> Users: ...
    @property
    def links(self) -> OneTimeLinks: ...
    @property
    def audit(self) -> AuditTrail: ...


class DeliveryDatabase(Protocol):
    """Opens those stores."""

    def autocommit(self) -> AbstractContextManager[DeliveryStores]: ...

    def transaction(self) -> AbstractContextManager[DeliveryStores]: ...


@dataclass
class MailDelivery:
    """Sends the mail of one database. Several processes may do so at once."""

    database: DeliveryDatabase
    clock: Clock
    transport: Transport
    sender: Sender
    issuer: str
    give_up_after: timedelta
    _away_until: datetime | None = field(default=None, init=False)
    _outage: timedelta = field(default=_SHORTEST_OUTAGE, init=False)

    async def run(self) -> None:
        """Send what is due, for ever; outages of the database and of the server are waited out."""
        while True:
            if not await self._look():
                await asyncio.sleep(_PAUSE.total_seconds())

    async def _look(self) -> bool:
        try:
            return await asyncio.to_thread(self.deliver_due) > 0
        except Unavailable:
            return False  # whoever opened the database has logged it
        except Exception:  # noqa: BLE001 - the task must outlive what nobody foresaw, and it is recorded
            _log.exception("mail could not be sent")
            return False

    def deliver_due(self) -> int:
        """Claim a batch of what is due, send it on one connection, and return how many were claimed."""
        now = self.clock.now()
        if self._away_until is not None and now < self._away_until:
            return 0
        with self.database.autocommit() as stores:
            claimed = stores.mails.claim(now, lease=LEASE, limit=BATCH)
        if not claimed:
            return 0
        left = list(claimed)
        try:
            with self.transport.connect() as connection:
                self._send_all(connection, left)
        except ServerAwayError as error:
            self._rest(left, str(error))
            return 0
        self._away_until, self._outage = None, _SHORTEST_OUTAGE
        return len(claimed)

    def _send_all(self, connection: Connection, left: list[Mail]) -> None:
        """Send one after the other, each taken from `left` once it is settled."""
        ends = time.monotonic() + LEASE.total_seconds() / 2
        while left and time.monotonic() < ends:
            with contextlib.suppress(Unavailable):  # this one is due again after its lease
                self._send(connection, left[0])
            left.pop(0)

    def _send(self, connection: Connection, mail: Mail) -> None:
        user_id = mail.user_id
        try:
            found = self._compose(mail)
            if found is not None:
                message, user_id = found
                connection.send(message)
        except (ServerAwayError, Unavailable):
            raise
        except NotTakenError as error:
            self._not_taken(mail, error, user_id)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one mail, the others are sent
            # its type alone: the text may hold an address
            self._not_taken(mail, NotTakenError(type(error).__name__, for_good=False), user_id)
        else:
            self._close(mail, "dropped" if found is None else "delivered", None, user_id if found else None)

    def _compose(self, mail: Mail) -> tuple[EmailMessage, UUID] | None:
        """Return the message and whose it is, its link made now; None: it is not wanted (any more)."""
        now, link = self.clock.now(), f"{self.issuer}/forgot"
        with self.database.transaction() as stores:
            user = self._user(stores, mail)
            if user is not None and mail.kind in _BRING_LINKS:
                stores.users.lock_for_end(user.id)  # an end that comes after this ends the link; one before is seen
                user = stores.users.find(user.id) if stores.mails.is_open(mail) else None
            to = self._recipient(stores, mail, user, now) if user is not None else None
            if user is None or to is None:
                return None
            if mail.kind in {MailKind.INVITATION, MailKind.RESET}:
                kind = LinkKind(mail.kind)
                token = mint_link(stores.links, user.id, kind, email_key=user.email_key, now=now)
                link = link_address(self.issuer, kind, token)
            elif mail.kind is MailKind.VERIFICATION:
                kind, key = LinkKind.VERIFICATION, normalise_username(mail.address)
                token = mint_link(stores.links, user.id, kind, email_key=key, now=now, email=mail.address)
                link = link_address(self.issuer, kind, token)
        names = {"company": self.sender.brand.name, "username": user.username, "name": user.display_name}
        with speaking(_language(mail, user)):
            content = content_of(mail.kind, values=mail.values, link=link, names=names)
            address = parse_email_address(to).deliverable
            message = compose(content, mail_id=mail.id, sender=self.sender, to=address, now=now)
        return message, user.id

    @staticmethod
    def _user(stores: DeliveryStores, mail: Mail) -> User | None:
        if mail.user_id is not None:
            return stores.users.find(mail.user_id)
        return stores.users.find_for_sign_in(mail.address)

    @staticmethod
    def _recipient(stores: DeliveryStores, mail: Mail, user: User, now: datetime) -> str | None:
        match mail.kind:
            case MailKind.INVITATION:
                wanted = user.state is UserState.INVITED and user.email == mail.address
                return mail.address if wanted else None
            case MailKind.RESET:
                if user.state is not UserState.ACTIVE or not user.may_sign_in(mail.created_at):
                    return None
                recent = stores.mails.sent_since(MailKind.RESET, now - PER, address_hash=None, user_id=user.id)
                return user.verified_email if recent < MOST_RESETS else None
            case MailKind.VERIFICATION:
                return mail.address if user.state is UserState.ACTIVE else None
            case _:
                return mail.address

    def _not_taken(self, mail: Mail, error: NotTakenError, user_id: UUID | None) -> None:
        now = self.clock.now()
        _log.warning("mail %s: %s (attempt %d)", mail.id, error, mail.attempts)
        if error.for_good or now - mail.created_at >= self.give_up_after:
            self._close(mail, "refused" if error.for_good else "given_up", str(error), user_id)
            return
        _MAILS.labels("failed").inc()
        with self.database.autocommit() as stores:
            stores.mails.put_off(mail, now + next_wait(mail.attempts))

    def _rest(self, left: Sequence[Mail], reason: str) -> None:
        """Leave the server alone for a while, and give back what was claimed."""
        now = self.clock.now()
        self._away_until = now + self._outage
        _log.warning("the mail server is away: %s; next attempt in %s", reason, self._outage)
        _MAILS.labels("server_away").inc()
        for mail in left:
            if now - mail.created_at >= self.give_up_after:
                self._close(mail, "given_up", reason, mail.user_id)
                continue
            with self.database.autocommit() as stores:
                stores.mails.put_off(mail, self._away_until)
        self._outage = min(self._outage * 2, _LONGEST_OUTAGE)

    def _close(self, mail: Mail, outcome: str, reason: str | None, user_id: UUID | None) -> None:
        now = self.clock.now()
        _MAILS.labels(outcome).inc()
        details = {"kind": str(mail.kind), "attempts": mail.attempts} | ({} if reason is None else {"reason": reason})
        with self.database.transaction() as stores:
            if stores.mails.finish(mail, outcome, now, user_id=user_id):
                stores.audit.record(AuditEvent(f"mail_{outcome}", now, user_id=user_id, details=details))


def _language(mail: Mail, user: User) -> str:
    """Return the user's own language, if their profile says one; else that of the page where the mail was asked for."""
    known = (user.claims.get("locale"), mail.values.get("language"))
    return best_of(tag.replace("_", "-") for tag in known if isinstance(tag, str)) or DEFAULT
