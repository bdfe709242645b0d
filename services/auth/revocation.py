"""Every end of a sign-in. Whoever must end something calls these, so that each path ends the row, flips the bit and
leaves a trace in the audit trail, all in the caller's transaction.

Policy: ADR-0015; Spec: RFC 9700 s4.14, OWASP ASVS 7.4
Locks are taken in one order everywhere: client, user, session, code, family (by id), shards ascending. Families are
selected in a statement begun after the client's, user's or session's row was written or locked: a redemption holds
those rows, so none that it founds is missed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.auth.accounts.browser_session import BrowserSession, Sessions
from services.auth.accounts.user import Users
from services.auth.audit import AuditEvent, AuditTrail, Origin
from services.auth.clients.client import Clients
from services.auth.logout.back_channel.outbox import LogoutNotices, queue_notices
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import Belonging, EndedFamily, Families
from services.auth.tokens.status_list import MachineStatuses, StatusReference, StatusShards


class PendingCodes(Protocol):
    """The port that storage implements: codes that are issued and not redeemed."""

    def end_pending(
        self,
        now: datetime,
        *,
        client_id: str | None = None,
        user_id: UUID | None = None,
        session_id: UUID | None = None,
    ) -> None:
        """End those of this client, user and session, as far as given; at least one is."""
        ...


class PendingRequests(Protocol):
    """The port that storage implements: requests that wait for a person."""

    def end_of_user(self, user_id: UUID, now: datetime) -> None:
        """End those in which this user gave a factor or went on."""
        ...

    def end_of_client(self, client_id: str, now: datetime) -> None: ...


class RememberedDevices(Protocol):
    """The port that storage implements."""

    def forget(self, user_id: UUID) -> None:
        """Forget every browser that this user has signed in with."""
        ...


class PendingLinks(Protocol):
    """The port that storage implements: links that came by mail, or will."""

    def end_of_user(self, user_id: UUID, now: datetime) -> None:
        """End every link of this user that is still good, and close the mails that are to prove another address."""
        ...


class EndStores(Protocol):
    """What ends write to."""

    @property
    def clients(self) -> Clients: ...
    @property
    def users(self) -> Users: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def codes(self) -> PendingCodes: ...
    @property
    def waiting_requests(self) -> PendingRequests: ...
    @property
    def devices(self) -> RememberedDevices: ...
    @property
    def links(self) -> PendingLinks: ...
    @property
    def families(self) -> Families: ...
    @property
    def machine_statuses(self) -> MachineStatuses: ...
    @property
    def status_shards(self) -> StatusShards: ...
    @property
    def logout_notices(self) -> LogoutNotices: ...
    @property
    def audit(self) -> AuditTrail: ...


@dataclass(frozen=True)
class _End:
    """Why, by whom and when."""

    reason: EndReason
    origin: Origin | None
    now: datetime


def end_session(
    stores: EndStores,
    session: BrowserSession,
    *,
    everywhere: bool,
    reason: EndReason,
    origin: Origin | None,
    now: datetime,
    native_too: bool = False,
) -> bool:
    """End a browser session, its pending codes and its sign-ins at web clients; native apps stay signed in.

    `everywhere`: all that the user has, on every device (`end_user`). `native_too`: of this session also the native
    apps, as an operator wants it.
    Returns: False when the session had ended before; what was left of it is ended all the same.
    """
    end = _End(reason, origin, now)
    if everywhere:
        live = session.ended_at is None
        end_user(stores, session.user_id, reason=reason, origin=origin, now=now)
        return live
    ended = stores.sessions.end(session.id, now)
    stores.codes.end_pending(now, session_id=session.id)
    families = stores.families.revoke_all(
        Belonging(session_id=session.id, web_only=not native_too), reason=reason, now=now
    )
    _finish(stores, end, families, sessions=[(session.id, session.user_id)] if ended else [])
    return ended


def end_user(
    stores: EndStores,
    user_id: UUID,
    *,
    reason: EndReason,
    origin: Origin | None,
    now: datetime,
    keep: UUID | None = None,
) -> None:
    """End all that a user has: sessions, families, pending codes, requests and links, remembered devices.

    Sign-ins from before `now` are over, also for a process amid one. `keep`: a session that its user signs in to anew.
    """
    end = _End(reason, origin, now)
    stores.users.invalidate_tokens(user_id, now)
    sessions = stores.sessions.end_of_user(user_id, now, keep=keep)
    stores.codes.end_pending(now, user_id=user_id)
    stores.waiting_requests.end_of_user(user_id, now)
    stores.links.end_of_user(user_id, now)
    stores.devices.forget(user_id)
    families = stores.families.revoke_all(Belonging(user_id=user_id), reason=reason, now=now)
    _finish(stores, end, families, sessions=[(session_id, user_id) for session_id in sessions])
    counts = {"sessions": len(sessions), "families": len(families)}
    stores.audit.record(AuditEvent(reason, now, user_id=user_id, origin=origin, details=counts))


def end_others(
    stores: EndStores, kept: BrowserSession, *, reason: EndReason, origin: Origin | None, now: datetime
) -> int:
    """End all that the user of a session has besides it: other sessions, and every family that is not of this one.

    Codes, requests and links that wait end too, those of the kept session included: they are seconds old.
    Returns: how many sessions and families ended.
    """
    end, user_id = _End(reason, origin, now), kept.user_id
    stores.users.lock_for_end(user_id)
    sessions = stores.sessions.end_of_user(user_id, now, keep=kept.id)
    stores.codes.end_pending(now, user_id=user_id)
    stores.waiting_requests.end_of_user(user_id, now)
    stores.links.end_of_user(user_id, now)
    others = Belonging(user_id=user_id, not_session_id=kept.id)
    families = stores.families.revoke_all(others, reason=reason, now=now)
    _finish(stores, end, families, sessions=[(session_id, user_id) for session_id in sessions])
    return len(sessions) + len(families)


def end_own_family(
    stores: EndStores, user_id: UUID, family_id: UUID, *, reason: EndReason, origin: Origin | None, now: datetime
) -> bool:
    """End one family of this user; False when the user has no such one that is not ended."""
    stores.users.lock_for_end(user_id)
    families = stores.families.revoke_all(Belonging(user_id=user_id, family_id=family_id), reason=reason, now=now)
    _finish(stores, _End(reason, origin, now), families)
    return bool(families)


def end_client(stores: EndStores, client_id: str, *, reason: EndReason, origin: Origin | None, now: datetime) -> None:
    """End all that was granted to a client: families, pending codes and requests, and its own tokens.

    For one that is disabled, deleted or re-keyed.
    """
    end = _End(reason, origin, now)
    stores.clients.touch(client_id, now)
    stores.codes.end_pending(now, client_id=client_id)
    stores.waiting_requests.end_of_client(client_id, now)
    families = stores.families.revoke_all(Belonging(client_id=client_id), reason=reason, now=now)
    machine = stores.machine_statuses.retire(client_id, now)
    _finish(stores, end, families, machine=machine)
    counts = {"families": len(families), "machine": int(machine is not None)}
    stores.audit.record(AuditEvent(reason, now, client_id=client_id, origin=origin, details=counts))


def end_machine_tokens(
    stores: EndStores, client_id: str, *, reason: EndReason, origin: Origin | None, now: datetime
) -> bool:
    """End the tokens that a client got for itself (client_credentials); the next one gets another reference.

    Returns: False when there is none that could live.
    """
    stores.clients.touch(client_id, now)
    machine = stores.machine_statuses.retire(client_id, now)
    if machine is None:
        return False
    stores.status_shards.revoke([machine], now)
    stores.audit.record(AuditEvent(reason, now, client_id=client_id, origin=origin))
    return True


def withdraw(
    stores: EndStores, *, client_id: str, user_id: UUID, origin: Origin | None, now: datetime, reason: EndReason
) -> None:
    """End what one user granted to one client. The consent itself is the caller's to delete, before this."""
    end = _End(reason, origin, now)
    stores.users.lock_for_end(user_id)
    stores.codes.end_pending(now, client_id=client_id, user_id=user_id)
    families = stores.families.revoke_all(Belonging(client_id=client_id, user_id=user_id), reason=reason, now=now)
    _finish(stores, end, families)


def set_enabled(stores: EndStores, subject: UUID | str, *, enabled: bool, origin: Origin | None, now: datetime) -> bool:
    """Disable a user (by id) or a client (by its client_id), or let it in again; either ends all that there was.

    Returns: False when it was so before.
    """
    at = None if enabled else now
    if isinstance(subject, UUID):
        if not stores.users.set_disabled(subject, at):
            return False
        reason = EndReason.USER_ENABLED if enabled else EndReason.USER_DISABLED
        end_user(stores, subject, reason=reason, origin=origin, now=now)
        return True
    if not stores.clients.set_disabled(subject, at):
        return False
    reason = EndReason.CLIENT_ENABLED if enabled else EndReason.CLIENT_DISABLED
    end_client(stores, subject, reason=reason, origin=origin, now=now)
    return True


def _finish(
    stores: EndStores,
    end: _End,
    families: Sequence[EndedFamily],
    *,
    sessions: Sequence[tuple[UUID, UUID]] = (),
    machine: StatusReference | None = None,
) -> None:
    """Set the bits, and record each family and session. `sessions`: id and user of those that ended now."""
    references = [family.status for family in families] + ([] if machine is None else [machine])
    stores.status_shards.revoke(references, end.now)  # all at once: shards are locked in ascending order
    for family in families:
        stores.audit.record(
            AuditEvent(
                end.reason,
                end.now,
                user_id=family.user_id,
                client_id=family.client_id,
                session_id=family.session_id,
                family_id=family.id,
                origin=end.origin,
            )
        )
    for session_id, user_id in sessions:
        _session_ended(stores, session_id, user_id, end)


def _session_ended(stores: EndStores, session_id: UUID, user_id: UUID, end: _End) -> None:
    """What follows from the end of a browser session, in the same transaction.

    Here back-channel logout queues its notices: every session that ends, by whatever path, comes through once.
    """
    queue_notices(stores.logout_notices, session_id, user_id, end.now)
    stores.audit.record(
        AuditEvent(
            "session_ended",
            end.now,
            user_id=user_id,
            session_id=session_id,
            origin=end.origin,
            details={"reason": end.reason},
        )
    )
