"""A phone is lost: everything that its owner has anywhere else ends, its second factors with it, in one step.

Policy: ADR-0119
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from uuid_utils.compat import uuid7

from services.auth.accounts.browser_session import SessionLifetimes
from services.auth.accounts.forget_factors import FactorStores, forget_second_factors
from services.auth.accounts.known_devices import DeviceSecrets, KnownDevices
from services.auth.audit import Origin
from services.auth.authorization.signed_in import SignedIn, find_signed_in
from services.auth.mail.outbox import MailKind, Mails, queue_notice
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.revocation import EndStores, end_user
from services.auth.tokens.end_reason import EndReason


class LostPhoneStores(EndStores, FactorStores, Protocol):
    """What is ended and written."""

    @property
    def devices(self) -> KnownDevices: ...
    @property
    def mails(self) -> Mails: ...


@dataclass(frozen=True, repr=False)
class SignedInAlone:
    """The one browser that is left, with new secrets."""

    session_cookie: str
    device_cookie: str


def end_everything_else(
    stores: LostPhoneStores,
    signed_in: SignedIn,
    devices: DeviceSecrets,
    *,
    lifetimes: SessionLifetimes,
    origin: Origin,
    now: datetime,
) -> SignedInAlone | None:
    """End every session, app, code, link and known browser of a user, forget their second factors, and tell them.

    Passkeys go too, unless there is no password: they are then all that is left. The person at this browser has just
    given every factor: their session goes on under a new id, a new cookie and with the first factor alone, so that
    they can set up what replaces the rest. None: the session has ended, or is too weak, before the user was held.
    """
    stores.users.lock_for_end(signed_in.user.id)
    held = find_signed_in(stores, signed_in.session.cookie_hash, now)
    if held is None or not held.by_every_factor(now):
        return None
    user, session = held.user, held.session
    forget_second_factors(stores, user.id, now, passkeys_too=user.password_hash is not None)
    end_user(stores, user.id, reason=EndReason.PHONE_LOST, origin=origin, now=now)
    cookie = mint_opaque_token()
    stores.sessions.add(
        replace(
            session,
            id=uuid7(),
            cookie_hash=digest(cookie),
            auth_time=now,
            mfa_at=None,
            second_method=None,
            created_at=now,
            idle_expires_at=now + lifetimes.idle,
            expires_at=now + lifetimes.absolute,
            network=origin.network,
            agent=origin.agent,
        )
    )
    device_cookie = devices.renewed(stores.devices, user.id, now)
    queue_notice(stores, user, MailKind.PHONE_LOST, origin, now)
    return SignedInAlone(cookie, device_cookie)
