"""One-time links: an invitation, a new password or the proof of an address, for whoever opens it.

Policy: ADR-0091; Spec: NIST SP 800-63B-4 s4.2, OWASP ASVS 6.4
A link is 256 random bits, known here by their digest. Opening it changes nothing (mail scanners open links); a button
uses it, once. It sets a password or proves an address and no more: it signs nobody in and stands for no second factor.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.auth.opaque_token import LENGTH, digest, mint_opaque_token

#: For so long a form that is sent twice by one browser (a double tap, a lost answer) gets the same answer again.
REPEATABLE = timedelta(seconds=60)


class LinkKind(StrEnum):
    """What a link is for."""

    INVITATION = "invitation"
    RESET = "reset"
    VERIFICATION = "verification"


LIFETIMES = {
    LinkKind.INVITATION: timedelta(days=7),
    LinkKind.RESET: timedelta(minutes=30),
    LinkKind.VERIFICATION: timedelta(hours=24),
}
_PAGES = {LinkKind.INVITATION: "invitation", LinkKind.RESET: "reset", LinkKind.VERIFICATION: "verify-address"}


@dataclass(frozen=True, repr=False)
class OneTimeLink:
    """One link that may still be used.

    `email_key`: the address that it was sent to, which is proven by its use; None: it was handed over.
    `browser_hash`: the browser that accepted the invitation, and the only one that may go on with it.
    `email`: the address that a verification proves, as it is shown.
    """

    token_hash: bytes
    kind: LinkKind
    user_id: UUID
    email_key: str | None
    created_at: datetime
    expires_at: datetime
    browser_hash: bytes | None = None
    email: str | None = None


class OneTimeLinks(Protocol):
    """The port that storage implements."""

    def add(self, link: OneTimeLink) -> None: ...

    def find(self, token_hash: bytes, now: datetime) -> OneTimeLink | None:
        """Return the link if it is neither used, ended nor expired."""
        ...

    def accept(self, token_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
        """Bind it to the first browser that asks; False when it is another's, or over."""
        ...

    def use(self, token_hash: bytes, browser_hash: bytes, now: datetime) -> bool:
        """Use it up in one statement; False when it is over, or another browser's."""
        ...

    def was_used(self, token_hash: bytes, browser_hash: bytes, since: datetime) -> bool:
        """Report whether this browser used it, not longer ago."""
        ...

    def end_of_user(self, user_id: UUID, now: datetime) -> None:
        """End every link of this user that is still good, and close the mails that are to prove another address."""
        ...


def mint_link(
    links: OneTimeLinks,
    user_id: UUID,
    kind: LinkKind,
    *,
    email_key: str | None,
    now: datetime,
    email: str | None = None,
) -> str:
    """Store a link and return its token, which is kept nowhere."""
    token = mint_opaque_token()
    links.add(OneTimeLink(digest(token), kind, user_id, email_key, now, now + LIFETIMES[kind], email=email))
    return token


def link_address(issuer: str, kind: LinkKind, token: str) -> str:
    """Return the address to open."""
    return f"{issuer}/{_PAGES[kind]}?token={token}"


def token_hash_of(token: str | None) -> bytes | None:
    """Return the digest of a token as it came in; None: it cannot be one."""
    return digest(token) if token is not None and len(token) == LENGTH and token.isascii() else None
