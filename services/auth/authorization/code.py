"""The authorization code: issued once a person has done every step, redeemed once.

Spec: RFC 6749 s4.1.2, RFC 9700 s2.1.1 and s4.5, OAuth 2.1 s4.1.3; Policy: ADR-0009
"""

import hashlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.accounts.browser_session import ACR_1FA
from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.audit import AuditEvent, AuditTrail, Origin
from services.auth.authorization.consent import Consents
from services.auth.authorization.request import AuthorizationRequest
from services.auth.authorization.signed_in import SignedIn
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.revocation import PendingCodes, end_family
from services.auth.tokens.family import Families, Grant, NewFamily
from services.auth.tokens.status_list import StatusPlace, StatusShards


@dataclass(frozen=True)
class AuthorizationCode:
    """One row; `used_at` and `family_id` are set by the redemption.

    `code_challenge` is S256; None where the client need not send one.
    """

    code_hash: bytes
    client_id: str
    user_id: UUID
    session_id: UUID
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    scopes: frozenset[str]
    resources: tuple[str, ...]
    auth_time: datetime
    acr: str
    amr: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None
    family_id: UUID | None = None
    claims: RequestedClaims = field(default_factory=RequestedClaims)

    @property
    def consent_scopes(self) -> frozenset[str]:
        """What its user must have allowed a third-party client."""
        return self.scopes | self.claims.scopes


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
        """Say whether a sign-in of `auth_time` still counts: nobody is disabled, and nothing has ended it."""
        if self.client_disabled_at is not None or self.user_disabled_at is not None:
            return False
        if self.session_ended_at is not None or now >= min(self.session_idle_expires_at, self.session_expires_at):
            return False
        return self.tokens_valid_from is None or auth_time >= self.tokens_valid_from


class AuthorizationCodes(PendingCodes, Protocol):
    """The port that storage implements."""

    def add(self, code: AuthorizationCode) -> None: ...

    def find(self, code_hash: bytes) -> AuthorizationCode | None: ...

    def lock_parties(self, code: AuthorizationCode) -> Parties | None:
        """Read whose code it is in one statement, and hold the rows of client, user and session, in this order."""
        ...

    def use(self, code_hash: bytes, family_id: UUID, now: datetime) -> bool:
        """Use the code up for this family, in one conditional statement; False: it was used before or has expired."""
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
class FamilyPolicy:
    """How long a new family lives, unused and at most."""

    idle_lifetime: timedelta
    absolute_lifetime: timedelta


def issue_code(
    codes: AuthorizationCodes,
    request: AuthorizationRequest,
    signed_in: SignedIn,
    *,
    lifetime: timedelta,
    now: datetime,
) -> str:
    """Store a new code for what the person has agreed to, and return it (256 random bits)."""
    code = mint_opaque_token()
    session = signed_in.session
    codes.add(
        AuthorizationCode(
            code_hash=digest(code),
            client_id=request.client_id,
            user_id=signed_in.user.id,
            session_id=session.id,
            redirect_uri=request.redirect_uri,
            code_challenge=request.code_challenge,
            nonce=request.nonce,
            scopes=request.scopes,
            resources=request.resources,
            auth_time=session.auth_time,
            acr=_class_of_answer(request, session.acr(now)),
            amr=session.amr(now),
            claims=request.claims,
            created_at=now,
            expires_at=now + lifetime,
        )
    )
    return code


def _class_of_answer(request: AuthorizationRequest, reached: str) -> str:
    """Return the class to answer: of those of which one is a must, one (OpenID Connect Core s5.5.1.1).

    A person who gave two factors gave the one that was demanded, too.
    """
    return ACR_1FA if request.essential_acr is not None and reached not in request.essential_acr else reached


def redeem(
    database: CodeDatabase,
    code: AuthorizationCode,
    *,
    seed: bytes,
    mac_kid: bytes,
    policy: FamilyPolicy,
    origin: Origin,
    now: datetime,
) -> Grant | None:
    """Use the code up and found its family with `seed`, in one transaction.

    Client, redirect URI and PKCE verifier are checked before: whoever gets here proved to be the one that the code
    is for, so a second use is a replay, which ends the family of the first one. None: refused.
    Locks: client, user, session, code, family, in this order everywhere. A consent that was withdrawn since
    the code was issued lets nothing through.
    """
    family_id = uuid7()
    with database.transaction() as stores:
        parties = stores.codes.lock_parties(code)
        usable = parties is not None and _may_be_used(stores, code, parties, now)
        if parties is None or not usable or not stores.codes.use(code.code_hash, family_id, now):
            _end_first_use(stores, code, origin, now)
            return None
        family = _family(family_id, code, seed, mac_kid=mac_kid, policy=policy, origin=origin, now=now)
        status = stores.families.add(family)
        _record(stores, code, family_id, origin, now)
    return _grant(family_id, code, parties, status, mac_kid=mac_kid)


def _may_be_used(stores: CodeStores, code: AuthorizationCode, parties: Parties, now: datetime) -> bool:
    if not parties.may_still_sign_in(code.auth_time, now):
        return False
    # read after the locks: a withdrawal holds the user's row
    return parties.first_party or code.consent_scopes <= stores.consents.find(code.user_id, code.client_id)


def _end_first_use(stores: CodeStores, refused: AuthorizationCode, origin: Origin, now: datetime) -> None:
    """End what the first use of a refused code has issued, if there was one; an expired code has issued nothing."""
    code = stores.codes.find(refused.code_hash)
    if code is None or code.family_id is None:
        return
    family = stores.families.find(code.family_id)
    if family is not None:
        end_family(stores, family, why="authorization_code_replay", origin=origin, now=now)


def _family(
    family_id: UUID,
    code: AuthorizationCode,
    seed: bytes,
    *,
    mac_kid: bytes,
    policy: FamilyPolicy,
    origin: Origin,
    now: datetime,
) -> NewFamily:
    return NewFamily(
        id=family_id,
        client_id=code.client_id,
        user_id=code.user_id,
        session_id=code.session_id,
        scopes=code.scopes,
        resources=code.resources,
        auth_time=code.auth_time,
        acr=code.acr,
        amr=code.amr,
        claims=code.claims,
        seed_hash=hashlib.sha256(seed).digest(),
        mac_kid=mac_kid,
        origin=origin,
        idle_expires_at=now + policy.idle_lifetime,
        expires_at=now + policy.absolute_lifetime,
        created_at=now,
    )


def _record(stores: CodeStores, code: AuthorizationCode, family_id: UUID, origin: Origin, now: datetime) -> None:
    stores.audit.record(
        AuditEvent(
            "authorization_code_redeemed",
            now,
            user_id=code.user_id,
            client_id=code.client_id,
            session_id=code.session_id,
            family_id=family_id,
            origin=origin,
        )
    )


def _grant(family_id: UUID, code: AuthorizationCode, parties: Parties, status: StatusPlace, *, mac_kid: bytes) -> Grant:
    return Grant(
        family_id=family_id,
        client_id=code.client_id,
        user_id=code.user_id,
        session_id=code.session_id,
        scopes=code.scopes,
        resources=code.resources,
        auth_time=code.auth_time,
        acr=code.acr,
        amr=code.amr,
        generation=0,
        mac_kid=mac_kid,
        roles=parties.roles,
        team=parties.team,
        status=status,
        claims=code.claims,
    )
