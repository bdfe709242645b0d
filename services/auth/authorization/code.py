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

from services.auth.audit import AuditEvent, AuditTrail, Origin
from services.auth.authorization.consent import Consents
from services.auth.authorization.request import AuthorizationRequest
from services.auth.authorization.signed_in import SignedIn
from services.auth.clients import Client, Clients
from services.auth.ends import PendingCodes, end_family
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.requested_claims import RequestedClaims
from services.auth.sessions import ACR_1FA, BrowserSession, Sessions
from services.auth.tokens.family import Families, Grant, NewFamily
from services.auth.tokens.status_list import StatusShards
from services.auth.users import User, Users


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


class AuthorizationCodes(PendingCodes, Protocol):
    """The port that storage implements."""

    def add(self, code: AuthorizationCode) -> None: ...

    def find(self, code_hash: bytes) -> AuthorizationCode | None: ...

    def mark_used(self, code_hash: bytes, now: datetime) -> bool:
        """Use the code up in one conditional statement; False when it was used before or has expired."""
        ...

    def set_family(self, code_hash: bytes, family_id: UUID) -> None: ...


class CodeStores(Protocol):
    """What a redemption reads and writes."""

    @property
    def clients(self) -> Clients: ...
    @property
    def users(self) -> Users: ...
    @property
    def sessions(self) -> Sessions: ...
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
    with database.transaction() as stores:
        client = stores.clients.lock(code.client_id)
        user = stores.users.lock(code.user_id)
        session = stores.sessions.lock(code.session_id)
        present = stores.codes.find(code.code_hash)
        if present is not None and present.used_at is not None:
            _end_first_use(stores, present, origin, now)
            return None
        if client is None or user is None or not _may_still_sign_in(code, client, user, session, now):
            return None
        if not client.first_party and not code.consent_scopes <= stores.consents.find(user.id, client.client_id):
            return None
        if not stores.codes.mark_used(code.code_hash, now):
            _end_first_use(stores, stores.codes.find(code.code_hash), origin, now)
            return None
        return _found_family(stores, code, user, seed=seed, mac_kid=mac_kid, policy=policy, origin=origin, now=now)


def _may_still_sign_in(
    code: AuthorizationCode, client: Client, user: User, session: BrowserSession | None, now: datetime
) -> bool:
    if client.disabled_at is not None or session is None or not session.live(now):
        return False
    return user.may_sign_in(code.auth_time)


def _end_first_use(stores: CodeStores, code: AuthorizationCode | None, origin: Origin, now: datetime) -> None:
    """End what the first use of the code has issued; an expired code has issued nothing."""
    if code is None or code.family_id is None:
        return
    family = stores.families.find(code.family_id)
    if family is not None:
        end_family(stores, family, why="authorization_code_replay", origin=origin, now=now)


def _found_family(
    stores: CodeStores,
    code: AuthorizationCode,
    user: User,
    *,
    seed: bytes,
    mac_kid: bytes,
    policy: FamilyPolicy,
    origin: Origin,
    now: datetime,
) -> Grant:
    family_id = uuid7()
    status = stores.families.add(
        NewFamily(
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
    )
    stores.codes.set_family(code.code_hash, family_id)
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
        roles=user.roles,
        team=user.team,
        status=status,
        claims=code.claims,
    )
