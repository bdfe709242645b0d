"""The two statements of a refresh.

Policy: ADR-0004, ADR-0009, ADR-0071
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, Column, and_, bindparam, case, not_, or_, select, update

from services.auth.storage.rows import authorization_columns, authorization_of
from services.auth.storage.tables import clients, families, users
from services.auth.tokens.family import Grant, Presented
from services.auth.tokens.refresh_token import origin_hash
from services.auth.tokens.status_list import StatusReference
from shared.compiled_statement import CompiledStatement

_row = families.c

#: What a grant is made of, as `grant_of` takes it; the user's part is read in the same statement.
_GRANT = (
    _row.id,
    _row.generation,
    _row.mac_kid,
    _row.status_shard,
    _row.status_index,
    select(users.c.roles).where(users.c.id == _row.user_id).scalar_subquery().label("user_roles"),
    select(users.c.team).where(users.c.id == _row.user_id).scalar_subquery().label("user_team"),
    *authorization_columns(families),
)

#: Neither the user nor the client is disabled.
ENABLED = and_(
    select(users.c.id).where(users.c.id == _row.user_id, users.c.disabled_at.is_(None)).exists(),
    select(clients.c.client_id).where(clients.c.client_id == _row.client_id, clients.c.disabled_at.is_(None)).exists(),
)


def _given(name: str, column: Column[Any]) -> BindParameter[Any]:
    """Return what the request gives: a parameter of this column's type, never named as a column is."""
    return bindparam(f"given_{name}", type_=column.type)


_NOW = _given("now", _row.rotated_at)
_LIVE_AND_OF = and_(
    _row.id == _given("id", _row.id),
    _row.seed_hash == _given("seed_hash", _row.seed_hash),
    _row.client_id == _given("client_id", _row.client_id),
    _row.revoked_at.is_(None),
    _row.idle_expires_at > _NOW,
    _row.expires_at > _NOW,
    or_(_row.dpop_thumbprint.is_(None), _row.dpop_thumbprint == _given("dpop_thumbprint", _row.dpop_thumbprint)),
    ENABLED,
)

#: Moves the family on from the presented generation.
ROTATE = CompiledStatement(
    lambda _: (
        update(families)
        .where(
            _LIVE_AND_OF,
            _row.generation == _given("generation", _row.generation),
            not_(and_(_row.moved, _row.streak + 1 >= _given("streak_limit", _row.streak))),
        )
        .values(
            generation=_row.generation + 1,
            mac_kid=_given("mac_kid", _row.mac_kid),
            rotated_at=_NOW,
            replays=0,
            origin_hash=_given("origin_hash", _row.origin_hash),
            streak=case(
                (_row.moved, _row.streak + 1),
                (_row.steady + 1 >= _given("steady_limit", _row.steady), 0),
                else_=_row.streak,
            ),
            steady=case((_row.moved, 0), else_=_row.steady + 1),
            moved=False,
            idle_expires_at=_given("idle_expires_at", _row.idle_expires_at),
            last_network=_given("last_network", _row.last_network),
            last_agent=_given("last_agent", _row.last_agent),
        )
        .returning(*_GRANT)
    )
)

#: Whoever retries in a bound family has its key: the agent tells nothing there.
_ANOTHER_AGENT = and_(_row.dpop_thumbprint.is_(None), _row.origin_hash != _given("origin_hash", _row.origin_hash))

#: Counts a retry of the generation before the live one.
RETRY = CompiledStatement(
    lambda _: (
        update(families)
        .where(
            _LIVE_AND_OF,
            _row.generation == _given("generation", _row.generation) + 1,
            or_(_row.dpop_thumbprint.is_not(None), _row.rotated_at > _given("window_from", _row.rotated_at)),
        )
        .values(replays=_row.replays + 1, moved=or_(_row.moved, _ANOTHER_AGENT))
        # not the condition itself: SQLite 3.40 answers it false where it has just set `moved` by it
        .returning(*_GRANT, _row.dpop_thumbprint.label("bound_to"), _row.origin_hash, _row.last_network)
    )
)


def grant_of(row: tuple[Any, ...]) -> Grant:
    """Return the grant that a row of `ROTATE` or `RETRY` holds."""
    family_id, generation, mac_kid, shard, index, roles, team, *authorization = row
    return Grant(
        family_id=family_id,
        authorization=authorization_of(*authorization),
        generation=generation,
        mac_kid=mac_kid,
        roles=tuple(roles),
        team=team,
        status=StatusReference(shard, index),
    )


def rotation(
    presented: Presented,
    *,
    mac_kid: bytes,
    idle_expires_at: datetime,
    streak_limit: int,
    steady_limit: int,
    now: datetime,
) -> dict[str, Any]:
    """Return the parameters of `ROTATE`."""
    return {
        **_presented(presented, now),
        "given_mac_kid": mac_kid,
        "given_idle_expires_at": idle_expires_at,
        "given_streak_limit": streak_limit,
        "given_steady_limit": steady_limit,
        "given_last_network": presented.origin.network,
        "given_last_agent": presented.origin.agent,
    }


def retry(presented: Presented, *, window: timedelta, now: datetime) -> dict[str, Any]:
    """Return the parameters of `RETRY`."""
    return {
        **_presented(presented, now),
        "given_window_from": now - window,
    }


def _presented(presented: Presented, now: datetime) -> dict[str, Any]:
    return {
        "given_id": presented.family_id,
        "given_seed_hash": presented.seed_hash,
        "given_client_id": presented.client_id,
        "given_generation": presented.generation,
        "given_dpop_thumbprint": presented.jkt,
        "given_origin_hash": origin_hash(presented.origin),
        "given_now": now,
    }
