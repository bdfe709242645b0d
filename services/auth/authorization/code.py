"""The authorization code: issued once a person has done every step, redeemed once.

Spec: RFC 6749 s4.1.2 and s4.1.3, RFC 9700 s2.1.1 and s4.5, OAuth 2.1 s4.1.3; Policy: ADR-0009
"""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.accounts.browser_session import ACR_1FA, ACR_PHR, BrowserSession
from services.auth.audit import AuditEvent, AuditTrail, Origin
from services.auth.authorization.consent import Consents
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients.client import Client
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.revocation import PendingCodes
from services.auth.tokens.authorization import Authorization
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import Families, Grant, NewFamily, end_family
from services.auth.tokens.status_list import StatusReference, StatusShards


@dataclass(frozen=True, repr=False)
class AuthorizationCode:
    """One row; `used_at` and `family_id` are set by the redemption.

    `code_challenge` is S256; None where the client need not send one.
    """

    code_hash: bytes
    authorization: Authorization
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    family_id: UUID | None

    @property
    def consent_scopes(self) -> frozenset[str]:
        """What its user must have allowed a third-party client."""
        return self.authorization.scopes | self.authorization.claims.scopes

    def bound(self, client: Client, jkt: str | None) -> "AuthorizationCode":
        """Return the code as its family is founded: a public client's is bound to the key that it has proved to hold.

        A confidential client proves itself at each refresh (RFC 9449 s5), and may change its key.
        """
        key = jkt if client.public else None
        return replace(self, authorization=replace(self.authorization, dpop_jkt=key))


@dataclass(frozen=True, repr=False)
class Parties:
    """The client, user and session of a code at this moment, as far as a redemption asks."""

    client_disabled_at: datetime | None
    first_party: bool
    user_disabled_at: datetime | None
    tokens_valid_from: datetime | None
    roles: tuple[str, ...]
    team: str | None
    session_ended_at: datetime | None
    session_idle_expires_at: datetime
    session_expires_at: datetime

    def may_still_sign_in(self, auth_time: datetime, now: datetime) -> bool:
        """Report whether a sign-in of `auth_time` still counts: nobody is disabled, and nothing has ended it."""
        if self.client_disabled_at is not None or self.user_disabled_at is not None:
            return False
        if self.session_ended_at is not None or now >= min(self.session_idle_expires_at, self.session_expires_at):
            return False
        return self.tokens_valid_from is None or auth_time >= self.tokens_valid_from


class AuthorizationCodes(PendingCodes, Protocol):
    """The port that storage implements. Each method but `use` on SQLite is one statement."""

    def add(self, code: AuthorizationCode, event: AuditEvent) -> None:
        """Insert it, and the event that records it."""
        ...

    def find(self, code_hash: bytes) -> AuthorizationCode | None: ...

    def lock(self, code_hash: bytes) -> tuple[AuthorizationCode, Parties] | None:
        """Read a code, and hold the rows of its client, user and session, in this order."""
        ...

    def use(self, code: AuthorizationCode, family: NewFamily, event: AuditEvent) -> StatusReference | None:
        """Use the code up, insert its family with a reference in the status list and record the event.

        Returns: the reference, drawn at random among the free; None: the code was used before or has expired.
        """
        ...


class CodeStores(Protocol):
    """What a redemption reads and writes."""

    @property
    def consents(self) -> Consents: ...
    @property
    def codes(self) -> AuthorizationCodes: ...
    @property
    def families(self) -> Families: ...
    @property
    def status_shards(self) -> StatusShards: ...
    @property
    def audit(self) -> AuditTrail: ...


class CodeDatabase(Protocol):
    """Opens those stores in one transaction."""

    def transaction(self) -> AbstractContextManager[CodeStores]: ...


@dataclass(frozen=True)
class Redeemer:
    """Who redeems a code, and what the family is founded with.

    `seed`: the 128 random bits of its refresh tokens. `mac_kid`: the MAC key of the first one.
    """

    seed: bytes
    mac_kid: bytes
    idle_lifetime: timedelta
    absolute_lifetime: timedelta
    origin: Origin


def issue_code(
    codes: AuthorizationCodes,
    request: AuthorizationRequest,
    signed_in: SignedIn,
    *,
    lifetime: timedelta,
    origin: Origin,
    now: datetime,
) -> str:
    """Store a new code for what the person has agreed to, and return it (256 random bits)."""
    text = mint_opaque_token()
    code, event = code_for(
        request, signed_in, code_hash=digest(text), expires_at=now + lifetime, origin=origin, now=now
    )
    codes.add(code, event)
    return text


def code_for(
    request: AuthorizationRequest,
    signed_in: SignedIn,
    *,
    code_hash: bytes,
    expires_at: datetime,
    origin: Origin,
    now: datetime,
    event: str = "authorization_code_issued",
) -> tuple[AuthorizationCode, AuditEvent]:
    """Return the code of this hash for what the person has agreed to, and the event that records it."""
    session = signed_in.session
    authorization = Authorization(
        client_id=request.client_id,
        user_id=signed_in.user.id,
        session_id=session.id,
        scopes=request.scopes,
        resources=request.resources,
        claims=request.claims,
        auth_time=session.auth_time,
        acr=_class_of_answer(request, session, now),
        amr=session.amr(now),
        dpop_jkt=request.dpop_jkt,
    )
    code = AuthorizationCode(
        code_hash=code_hash,
        authorization=authorization,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        nonce=request.nonce,
        created_at=now,
        expires_at=expires_at,
        used_at=None,
        family_id=None,
    )
    return code, _event(event, authorization, None, origin, now)


def _class_of_answer(request: AuthorizationRequest, session: BrowserSession, now: datetime) -> str:
    """Return the class to answer: of those of which one is a must, one (OpenID Connect Core s5.5.1.1).

    A person who gave two factors gave the one that was demanded, too; ours stand for themselves, so that who checks for
    two factors by their name finds it, unless another class was asked for.
    """
    essential, reached = request.essential_acr, session.acr(now)
    asked = request.acr_values if essential is None else essential
    if ACR_PHR in asked and session.resists_phishing(now):
        return ACR_PHR
    return ACR_1FA if request.essential_acr is not None and reached not in request.essential_acr else reached


def redeem(
    stores: CodeStores, code: AuthorizationCode, parties: Parties, redeemer: Redeemer, now: datetime
) -> Grant | None:
    """Use the code up and found its family, in the caller's transaction, whose `codes.lock` gave code and parties.

    Client, redirect URI and PKCE verifier are checked before: whoever gets here proved to be the one that the code
    is for, so a second use is a replay, which ends the family of the first one. None: refused.
    Locks: client, user, session, code, family, in this order everywhere. A consent that was withdrawn since
    the code was issued lets nothing through.
    """
    family = _family(code.authorization, redeemer, now)
    event = _event("authorization_code_redeemed", code.authorization, family.id, redeemer.origin, now)
    status = stores.codes.use(code, family, event) if _may_be_used(stores, code, parties, now) else None
    if status is None:
        _end_first_use(stores, code, redeemer.origin, now)
        return None
    return Grant(
        family_id=family.id,
        authorization=code.authorization,
        generation=0,
        mac_kid=family.mac_kid,
        roles=parties.roles,
        team=parties.team,
        status=status,
    )


def _may_be_used(stores: CodeStores, code: AuthorizationCode, parties: Parties, now: datetime) -> bool:
    authorization = code.authorization
    if not parties.may_still_sign_in(authorization.auth_time, now):
        return False
    # read after the locks: a withdrawal holds the user's row
    return parties.first_party or code.consent_scopes <= stores.consents.find(
        authorization.user_id, authorization.client_id
    )


def _end_first_use(stores: CodeStores, refused: AuthorizationCode, origin: Origin, now: datetime) -> None:
    """End what the first use of a refused code has issued, if there was one; an expired code has issued nothing."""
    code = stores.codes.find(refused.code_hash)
    if code is None or code.family_id is None:
        return
    family = stores.families.find(code.family_id)
    if family is not None:
        end_family(stores, family, reason=EndReason.AUTHORIZATION_CODE_REPLAY, origin=origin, now=now)


def _family(authorization: Authorization, redeemer: Redeemer, now: datetime) -> NewFamily:
    return NewFamily(
        id=uuid7(),
        authorization=authorization,
        seed_hash=hashlib.sha256(redeemer.seed).digest(),
        mac_kid=redeemer.mac_kid,
        origin=redeemer.origin,
        idle_expires_at=now + redeemer.idle_lifetime,
        expires_at=now + redeemer.absolute_lifetime,
        created_at=now,
    )


def _event(
    name: str, authorization: Authorization, family_id: UUID | None, origin: Origin, now: datetime
) -> AuditEvent:
    return AuditEvent(
        name,
        now,
        user_id=authorization.user_id,
        client_id=authorization.client_id,
        session_id=authorization.session_id,
        family_id=family_id,
        origin=origin,
    )
