"""Users as an operator makes and unmakes them, each change with its line in the audit trail.

Policy: ADR-0090
A name by which one person signs in is nobody else's: neither their user name nor their verified address.
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.auth.accounts.email_address import EmailAddress
from services.auth.accounts.failure_budget import FailureBudgets, account_of
from services.auth.accounts.forget_factors import forget_second_factors
from services.auth.accounts.one_time_link import LinkKind, OneTimeLinks, mint_link
from services.auth.accounts.passkey import Passkeys
from services.auth.accounts.people import NewUser, People
from services.auth.accounts.recovery_codes import RecoveryCodes
from services.auth.accounts.totp import TotpCredentials
from services.auth.accounts.user import User, UserState
from services.auth.audit import AuditEvent
from services.auth.mail.outbox import MailKind, Mails, queue_invitation, queue_notice
from services.auth.revocation import EndStores, end_user
from services.auth.tokens.end_reason import EndReason
from shared.errors import Conflict


class PeopleStores(EndStores, Protocol):
    """What is written."""

    @property
    def people(self) -> People: ...
    @property
    def links(self) -> OneTimeLinks: ...
    @property
    def mails(self) -> Mails: ...
    @property
    def budgets(self) -> FailureBudgets: ...
    @property
    def totp(self) -> TotpCredentials: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...
    @property
    def passkeys(self) -> Passkeys: ...


def create_user(stores: PeopleStores, user: NewUser) -> None:
    """Make a user, invited or active.

    Raises:
        Conflict: somebody else signs in by that name or address.
    """
    require_free(stores.people, user.username, None, noun="user name")
    if user.email is not None:  # also an unverified one: it is to be verified soon
        require_free(stores.people, user.email.key, None, noun="e-mail address")
    stores.people.add(user)
    details = {"state": "active" if user.password_hash else "invited", "roles": list(user.roles)}
    stores.audit.record(AuditEvent("user_created", user.created_at, user_id=user.id, details=details))


def invite_user(stores: PeopleStores, wanted: NewUser, *, by_mail: bool) -> str | None:
    """Make a user, or take the one who is invited already, and return the token of a link for them.

    `by_mail`: queue a mail that will bring a link, and return None; the user needs an address.

    Of somebody who is there already, a new address and new roles count; earlier links are over.

    Raises:
        Conflict: they are active or disabled, or somebody else signs in by that name or address.
    """
    now, user = wanted.created_at, stores.users.find_by_username(wanted.username)
    if user is None:
        create_user(stores, wanted)
    elif user.state is not UserState.INVITED:
        raise Conflict(f"users: {user.username} is {user.state}; see `users reset-password` and `users enable`")
    else:
        if wanted.email is not None:
            change_email(stores, user, wanted.email, verified=False, now=now)
        for role in wanted.roles:
            stores.people.grant_role(user.id, role, now)
        stores.links.end_of_user(user.id, now)
    user_id = wanted.id if user is None else user.id
    stores.audit.record(AuditEvent("user_invited", now, user_id=user_id, details={"roles": list(wanted.roles)}))
    if not by_mail:
        return mint_link(stores.links, user_id, LinkKind.INVITATION, email_key=None, now=now)
    address = wanted.email.text if wanted.email else user.email if user else None
    if address is None:
        raise Conflict(f"users: {wanted.username} has no e-mail address; give --email, or --print-link")
    queue_invitation(stores, user_id, address, now)
    return None


def offer_reset(stores: PeopleStores, user: User, now: datetime) -> str:
    """Return the token of a link by which a user chooses a new password; earlier links are over.

    Raises:
        Conflict: they are invited or disabled.
    """
    if user.state is not UserState.ACTIVE:
        raise Conflict(f"users: {user.username} is {user.state}; see `users invite` and `users enable`")
    stores.links.end_of_user(user.id, now)
    stores.audit.record(AuditEvent("password_reset_offered", now, user_id=user.id))
    return mint_link(stores.links, user.id, LinkKind.RESET, email_key=None, now=now)


def change_email(stores: PeopleStores, user: User, email: EmailAddress, *, verified: bool, now: datetime) -> None:
    """Give a user another address.

    Raises:
        Conflict: somebody else signs in by it.
    """
    require_free(stores.people, email.key, user.id, noun="e-mail address")
    stores.people.set_email(user.id, email, verified_at=now if verified else None, now=now)
    stores.audit.record(AuditEvent("email_changed", now, user_id=user.id, details={"verified": verified}))


def require_free(people: People, key: str, user_id: UUID | None, *, noun: str) -> None:
    """Refuse a name by which another user signs in.

    Raises:
        Conflict: there is one.
    """
    if people.owner_of(key) not in {None, user_id}:
        raise Conflict(f"users: this {noun} is another user's")


def reset_second_factor(stores: PeopleStores, user: User, now: datetime) -> bool:
    """Remove a user's second factors, passkeys and recovery codes, and end all they have; False when there are none."""
    if not forget_second_factors(stores, user.id, now):
        return False
    end_user(stores, user.id, reason=EndReason.SECOND_FACTOR_RESET, origin=None, now=now)
    queue_notice(stores, user, MailKind.FACTOR_CHANGED, None, now)
    return True


def unlock(stores: PeopleStores, user: User, now: datetime) -> bool:
    """Forget a user's failed attempts; False when there are none."""
    if not stores.budgets.reset_account(account_of(user.username)):
        return False
    stores.audit.record(AuditEvent("user_unlocked", now, user_id=user.id))
    return True


def erase_user(stores: PeopleStores, user: User, now: datetime) -> None:
    """End all that a user has, for good, and delete them; the audit trail keeps a pseudonym (ADR-0076)."""
    end_user(stores, user.id, reason=EndReason.USER_DELETED, origin=None, now=now)
    stores.budgets.reset_account(account_of(user.username))
    stores.people.forget(user.id, now)
    stores.audit.pseudonymise(user.id)
