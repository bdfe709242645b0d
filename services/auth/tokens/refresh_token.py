"""Refresh tokens: their format, and the rotation that survives a lost response without giving up theft detection.

Policy: ADR-0009; Spec: RFC 9700 s4.14.2, OAuth 2.1 s4.3.1, RFC 9449 s5
The token carries its family, generation and seed under a MAC, so a forged one is refused before any SQL. The row
holds the seed's hash only: neither a leaked database nor a leaked MAC key makes a token.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from services.auth import metrics
from services.auth.audit import AuditEvent, Origin, Refusal, refuse
from services.auth.keys.key_ring import ID_BYTES, KeyRing
from services.auth.opaque_token import b64url, unb64url
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import (
    FamilyDatabase,
    FamilyState,
    FamilyStores,
    Grant,
    Presented,
    RotationStores,
    end_family,
)
from shared.errors import Unavailable

#: What secret scanners look for.
PREFIX = "sso_rt_"

_SEED_BYTES = 16
_SIGNED_BYTES = ID_BYTES + 16 + 4 + _SEED_BYTES
_MAC_BYTES = 32
_MAX_GENERATION = 2**32 - 1

#: Rotations whose predecessor another agent retried that are taken for a thief keeping pace.
STREAK_LIMIT = 3
#: Rotations in a row without such a retry that end the suspicion.
STEADY_LIMIT = 10


@dataclass(frozen=True, repr=False)
class RefreshToken:
    """The content of a refresh token."""

    family_id: UUID
    generation: int
    seed: bytes

    @property
    def seed_hash(self) -> bytes:
        return hashlib.sha256(self.seed).digest()


@dataclass(frozen=True)
class RefreshPolicy:
    """How long a lost response may be retried, and a family may lie unused."""

    retry_window: timedelta
    idle_lifetime: timedelta


class WrongKey(Exception):
    """The family is bound to another key than the one that was proved, if any was. Nothing was written."""


class _Verdict(Enum):
    REFUSED = "refused"
    AGAIN = "the row has changed: decide again"


def new_seed() -> bytes:
    """Return the 128 random bits that every token of one family carries."""
    return secrets.token_bytes(_SEED_BYTES)


def mint_refresh_token(ring: KeyRing, token: RefreshToken, *, mac_kid: bytes) -> str:
    """Return the wire form; the same content under the same MAC key gives the same text.

    A MAC key that was dropped too early costs the retry its sameness, not the user the sign-in.
    """
    kid = mac_kid if mac_kid in ring.keys else ring.current
    signed = kid + token.family_id.bytes + token.generation.to_bytes(4, "big") + token.seed
    return PREFIX + b64url(signed + _mac(ring.keys[kid], signed))


def parse_refresh_token(ring: KeyRing, text: str) -> RefreshToken | None:
    """Return the content of a refresh token of ours; None when its MAC isn't good. Touches no database."""
    if not text.startswith(PREFIX):
        return None
    try:
        raw = unb64url(text.removeprefix(PREFIX))
    except ValueError:
        return None
    signed, mac = raw[:_SIGNED_BYTES], raw[_SIGNED_BYTES:]
    key = ring.keys.get(signed[:ID_BYTES])
    if len(mac) != _MAC_BYTES or key is None or not hmac.compare_digest(mac, _mac(key, signed)):
        return None
    family_id, rest = signed[ID_BYTES : ID_BYTES + 16], signed[ID_BYTES + 16 :]
    generation = int.from_bytes(rest[:4], "big")
    if generation >= _MAX_GENERATION:  # its successor could not be written; a client gets nowhere near
        return None
    return RefreshToken(UUID(bytes=family_id), generation, rest[4:])


def rotate(
    database: FamilyDatabase, presented: Presented, *, ring: KeyRing, policy: RefreshPolicy, now: datetime
) -> Grant | None:
    """Rotate, answer the retry of a lost response, or detect reuse.

    Client, scope and resource are validated before. The grant's `generation` and `mac_kid` are those of the
    successor token, which a retry inside the window gets again, byte for byte. None: refused; a reuse has ended
    the family by then.

    Raises:
        WrongKey: the family is bound, and not to the key of the request.
        Unavailable: the row kept changing under us.
    """
    for _ in range(5):
        with database.autocommit() as stores:
            grant = stores.families.rotate(
                presented,
                mac_kid=ring.current,
                idle_expires_at=now + policy.idle_lifetime,
                streak_limit=STREAK_LIMIT,
                steady_limit=STEADY_LIMIT,
                now=now,
            ) or _retry(stores, presented, policy, now)
        if grant is not None:
            return grant
        with database.transaction() as stores:
            if _decide(stores, presented, policy, now) is _Verdict.REFUSED:
                return None
    raise Unavailable("this sign-in is being refreshed by many at once")


def _retry(stores: FamilyStores, presented: Presented, policy: RefreshPolicy, now: datetime) -> Grant | None:
    """Answer the retry of a lost response. One by another agent is recorded, with both networks."""
    retried = stores.families.retry(presented, window=policy.retry_window, now=now)
    if retried is None:
        return None
    metrics.refreshed_oddly("retried" if retried.rotated_from is None else "retried_by_another_agent")
    if retried.rotated_from is not None:
        authorization = retried.grant.authorization
        stores.audit.record(
            AuditEvent(
                "refresh_token_retried_by_another_agent",
                now,
                user_id=authorization.user_id,
                client_id=authorization.client_id,
                session_id=authorization.session_id,
                family_id=presented.family_id,
                origin=presented.origin,
                details={"rotated_from": retried.rotated_from},
            )
        )
    return retried.grant


def _decide(stores: RotationStores, presented: Presented, policy: RefreshPolicy, now: datetime) -> _Verdict:
    """Say why a token was neither rotated nor retried, and write what must be remembered."""
    family = stores.families.find(presented.family_id)
    # refused without a write: a guess must not kill the owner's family
    if family is None or not hmac.compare_digest(presented.seed_hash, family.seed_hash):
        refuse(Refusal.REFRESH_TOKEN_UNKNOWN)
        return _Verdict.REFUSED
    if presented.client_id != family.authorization.client_id:
        name_foreign(family)
        return _Verdict.REFUSED
    if not family.live(now):
        return _Verdict.REFUSED
    if family.authorization.dpop_jkt not in {None, presented.jkt}:
        raise WrongKey  # a stolen token ends nothing, whatever its generation
    if presented.generation > family.generation:
        return _catch_up(stores, presented, family, now)
    if not _is_reuse(presented, family, policy, now):
        return _Verdict.AGAIN
    ended = end_family(
        stores,
        family,
        reason=EndReason.REFRESH_TOKEN_REUSE,
        origin=presented.origin,
        now=now,
        generation=family.generation,
    )
    if ended:
        metrics.refreshed_oddly("reuse")
        stores.notices.reuse_detected(family.authorization.user_id, presented.origin, now)
    return _Verdict.REFUSED if ended else _Verdict.AGAIN


def name_foreign(family: FamilyState) -> None:
    """Say whose token another client has presented."""
    of = family.authorization
    refuse(Refusal.REFRESH_TOKEN_OF_ANOTHER_CLIENT, user_id=of.user_id, family_id=family.id, issued_to=of.client_id)


def _is_reuse(presented: Presented, family: FamilyState, policy: RefreshPolicy, now: datetime) -> bool:
    if presented.generation == family.generation:
        return family.moved and family.streak + 1 >= STREAK_LIMIT
    window_is_open = family.authorization.dpop_jkt is not None or family.rotated_at > now - policy.retry_window
    return not (presented.generation == family.generation - 1 and window_is_open)


def _catch_up(stores: FamilyStores, presented: Presented, family: FamilyState, now: datetime) -> _Verdict:
    """Follow a good token from the future: the database is a restored backup, and the client is right."""
    if stores.families.fast_forward(family.id, read=family.generation, to=presented.generation):
        metrics.refreshed_oddly("generation_ahead")
        stores.audit.record(
            AuditEvent(
                "generation_ahead",
                now,
                user_id=family.authorization.user_id,
                client_id=family.authorization.client_id,
                family_id=family.id,
                origin=presented.origin,
                details={"stored": family.generation, "presented": presented.generation},
            )
        )
    return _Verdict.AGAIN


def origin_hash(origin: Origin) -> bytes:
    """Return what the row keeps of who rotated: a hash of the agent. A phone changes its network in mid-refresh."""
    return hashlib.sha256(origin.agent.encode()).digest()


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.digest(key, b"refresh-token:" + signed, "sha256")
