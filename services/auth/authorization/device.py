"""The device authorization: a device without a browser asks, a person allows it in a browser of theirs.

Spec: RFC 8628; Policy: ADR-0130
The person's half is an authorization request like any other, whose answer is not a redirect: it is kept for the device
as an authorization code whose text is the device code. So a device's code is used once, and ended with its user, its
session or its client, by what does this for every code.
"""

import secrets
import unicodedata
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Protocol

from services.auth.audit import Origin
from services.auth.authorization.code import AuthorizationCodes, code_for
from services.auth.authorization.signed_in import SignedIn
from services.auth.opaque_token import digest
from services.auth.protocol.authorization_request import AuthorizationRequest

#: What a user code is made of: letters that are not taken for others and spell no word (RFC 8628 s6.1); 2.6e10 of them.
USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
USER_CODE_LENGTH = 8
#: Seconds between two polls at first, and what each poll that comes too soon adds (RFC 8628 s3.5).
INTERVAL = 5
#: For how long after its end a device may still fetch what a person allowed in the last moment.
FETCH_WINDOW = timedelta(minutes=1)


class Poll(Enum):
    """What a device hears that asks for its tokens."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    TOO_SOON = "too_soon"
    ALLOWED = "allowed"
    DENIED = "denied"
    EXPIRED = "expired"


@dataclass(frozen=True, repr=False)
class DeviceAuthorization:
    """One row. `origin`: where the device asked from; `interval`: seconds; `allowed`: None until a person answered."""

    device_code_hash: bytes
    user_code: str
    client_id: str
    scopes: frozenset[str]
    resources: tuple[str, ...]
    origin: Origin
    created_at: datetime
    expires_at: datetime
    interval: int = INTERVAL
    polled_at: datetime | None = None
    allowed: bool | None = None

    def request(self, return_to: str) -> AuthorizationRequest:
        """Return the authorization request that a person is asked to allow; the browser ends at `return_to`."""
        return AuthorizationRequest(
            client_id=self.client_id,
            redirect_uri=return_to,
            scopes=self.scopes,
            resources=self.resources,
            prompts=frozenset({"select_account"}),
            device=self.device_code_hash.hex(),
        )

    def polled(self, now: datetime) -> "tuple[Poll, DeviceAuthorization]":
        """Return what a poll of this moment hears, and the row after it."""
        if self.allowed is not None:
            return (Poll.ALLOWED if self.allowed else Poll.DENIED), self
        if now >= self.expires_at:
            return Poll.EXPIRED, self
        after = replace(self, polled_at=now)
        if self.polled_at is not None and now - self.polled_at < timedelta(seconds=self.interval):
            return Poll.TOO_SOON, replace(after, interval=self.interval + INTERVAL)
        return Poll.PENDING, after


class DeviceAuthorizations(Protocol):
    """The port that storage implements."""

    def add(self, device: DeviceAuthorization) -> bool:
        """Insert it; False when its user code is another live one's."""
        ...

    def find(self, device_code_hash: bytes) -> DeviceAuthorization | None: ...

    def find_waiting(self, user_code: str, now: datetime) -> DeviceAuthorization | None:
        """Return the one that waits for a person under this code."""
        ...

    def lock(self, device_code_hash: bytes) -> DeviceAuthorization | None:
        """Read it and hold its row."""
        ...

    def set_polled(self, device: DeviceAuthorization) -> None:
        """Keep when it was polled, and its interval."""
        ...

    def answer(self, device_code_hash: bytes, now: datetime, *, allowed: bool) -> bool:
        """Keep what the person said; False when it has expired or was answered before."""
        ...


class DeviceStores(Protocol):
    """What an answer of a person reads and writes."""

    @property
    def codes(self) -> AuthorizationCodes: ...
    @property
    def device_authorizations(self) -> DeviceAuthorizations: ...


class PollStores(Protocol):
    """Where polls are counted."""

    @property
    def device_authorizations(self) -> DeviceAuthorizations: ...


class PollDatabase(Protocol):
    """Opens those stores in one transaction."""

    def transaction(self) -> AbstractContextManager[PollStores]: ...


def mint_user_code() -> str:
    """Return a code for a person to type."""
    return "".join(secrets.choice(USER_CODE_LETTERS) for _ in range(USER_CODE_LENGTH))


def shown(user_code: str) -> str:
    """Return the code as people read it: two halves."""
    return f"{user_code[:4]}-{user_code[4:]}"


def parse_user_code(typed: str) -> str | None:
    """Return the code that somebody typed or pasted, in any case and with anything between; None: not a code."""
    letters = unicodedata.normalize("NFKC", typed[:100]).upper()
    code = "".join(letter for letter in letters if letter.isalnum())
    fits = len(code) == USER_CODE_LENGTH and set(code) <= set(USER_CODE_LETTERS)
    return code if fits else None


def poll(database: PollDatabase, device_code: str, client_id: str, now: datetime) -> Poll:
    """Return what the device hears, and count the poll; another client's code is unknown, and its polls untouched."""
    with database.transaction() as stores:
        device = stores.device_authorizations.lock(digest(device_code))
        if device is None or device.client_id != client_id:
            return Poll.UNKNOWN
        heard, after = device.polled(now)
        if after is not device:
            stores.device_authorizations.set_polled(after)
        return heard


def allow(
    stores: DeviceStores, request: AuthorizationRequest, signed_in: SignedIn, *, origin: Origin, now: datetime
) -> bool:
    """Keep the person's yes, as a code that only the device can use; False: it comes too late."""
    device_code_hash = bytes.fromhex(request.device or "")
    device = stores.device_authorizations.find(device_code_hash)
    if device is None or not stores.device_authorizations.answer(device_code_hash, now, allowed=True):
        return False
    # no address: the authorization_code grant can't redeem it, since there a code without PKCE must name its address
    code, event = code_for(
        replace(request, redirect_uri=""),
        signed_in,
        code_hash=device_code_hash,
        expires_at=device.expires_at + FETCH_WINDOW,
        origin=origin,
        now=now,
        event="device_allowed",
    )
    stores.codes.add(code, event)
    return True


def deny(stores: PollStores, request: AuthorizationRequest, now: datetime) -> None:
    """Keep that the request of a device, if it is one, came to nothing."""
    if request.device is not None:
        stores.device_authorizations.answer(bytes.fromhex(request.device), now, allowed=False)
