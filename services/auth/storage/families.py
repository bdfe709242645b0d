"""Families in the database: rotation, retry and end, each in one statement."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, select, update

from services.auth.storage import rotation
from services.auth.storage.insert import insert_to
from services.auth.storage.rows import authorization_columns, authorization_of, authorization_row
from services.auth.storage.status_shards import FAMILY_SHARD as SHARD
from services.auth.storage.status_shards import filling_shard, give_up_shard
from services.auth.storage.tables import clients, families
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import (
    Belonging,
    EndedFamily,
    FamilyState,
    Grant,
    NewFamily,
    Presented,
    Retried,
)
from services.auth.tokens.refresh_token import origin_hash
from services.auth.tokens.status_list import SHARD_SIZE, StatusReference
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_row = families.c

_FIND = CompiledStatement(
    lambda _: select(
        _row.id,
        _row.seed_hash,
        _row.generation,
        _row.rotated_at,
        _row.moved,
        _row.streak,
        _row.steady,
        _row.idle_expires_at,
        _row.expires_at,
        _row.revoked_at,
        rotation.ENABLED.label("enabled"),
        _row.status_shard,
        _row.status_index,
        *authorization_columns(families),
    ).where(_row.id == bindparam("wanted", type_=_row.id.type))
)

#: The columns that a new family does not have yet, or gets with its reference in the status list.
SET_LATER = frozenset({"revoked_at", "revoked_why", "device_label", "status_shard"})
_NEW = tuple(column for column in families.c if column.name not in SET_LATER)


def _insert(dialect: str) -> Any:
    row = select(*(bindparam(column.name, type_=column.type) for column in _NEW), SHARD.label("status_shard"))
    names = [*(column.name for column in _NEW), "status_shard"]
    statement = insert_to(dialect, families).from_select(names, row.where(SHARD.is_not(None)))
    columns = [_row.status_shard, _row.status_index]
    return statement.on_conflict_do_nothing(index_elements=columns).returning(_row.status_shard)


#: Inserts a family in the shard that is being filled, unless the reference is taken.
_ADD = CompiledStatement(_insert)

#: Draws of a status index before the next shard is begun: by then about nine tenths of this one are taken.
_DRAWS = 64


@dataclass(frozen=True)
class SqlFamilies:
    """Implements `tokens.family.Families`."""

    connection: Connection

    def add(self, family: NewFamily) -> StatusReference:
        values = family_row(family)

        def found(index: int) -> int | None:
            row = _ADD.first(self.connection, {**values, "status_index": index})
            return None if row is None else int(row[0])

        return draw_status_reference(self.connection, family.created_at, found)

    def find(self, family_id: UUID) -> FamilyState | None:
        row = _FIND.first(self.connection, {"wanted": family_id})
        return None if row is None else _state_of(row)

    def rotate(
        self,
        presented: Presented,
        *,
        mac_kid: bytes,
        idle_expires_at: datetime,
        streak_limit: int,
        steady_limit: int,
        now: datetime,
    ) -> Grant | None:
        parameters = rotation.rotation(
            presented,
            mac_kid=mac_kid,
            idle_expires_at=idle_expires_at,
            streak_limit=streak_limit,
            steady_limit=steady_limit,
            now=now,
        )
        row = rotation.ROTATE.first(self.connection, parameters)
        return None if row is None else rotation.grant_of(row)

    def retry(self, presented: Presented, *, window: timedelta, now: datetime) -> Retried | None:
        row = rotation.RETRY.first(self.connection, rotation.retry(presented, window=window, now=now))
        if row is None:
            return None
        *grant, bound_to, rotated_by, rotated_from = row
        another_agent = bound_to is None and rotated_by != origin_hash(presented.origin)
        return Retried(rotation.grant_of(tuple(grant)), rotated_from if another_agent else None)

    def fast_forward(self, family_id: UUID, *, read: int, to: int) -> bool:
        statement = (
            update(families)
            .where(_row.id == family_id, _row.generation == read)
            .values(generation=to, moved=False, streak=0, steady=0)
        )
        return self.connection.execute(statement).rowcount == 1

    def revoke(self, family_id: UUID, *, reason: EndReason, now: datetime, generation: int | None = None) -> bool:
        statement = update(families).where(_row.id == family_id, _row.revoked_at.is_(None))
        if generation is not None:
            statement = statement.where(_row.generation == generation)
        return self.connection.execute(statement.values(revoked_at=now, revoked_why=reason)).rowcount == 1

    def revoke_all(self, which: Belonging, *, reason: EndReason, now: datetime) -> list[EndedFamily]:
        wanted = _belonging(which)
        columns = (_row.id, _row.client_id, _row.user_id, _row.session_id, _row.status_shard, _row.status_index)
        found = self.connection.execute(select(*columns).where(wanted).order_by(_row.id).with_for_update()).all()
        if found:
            self.connection.execute(update(families).where(wanted).values(revoked_at=now, revoked_why=reason))
        return [EndedFamily(*row[:4], StatusReference(*row[4:])) for row in found]


def draw_status_reference(connection: Connection, now: datetime, found: Callable[[int], int | None]) -> StatusReference:
    """Draw indices at random until `found` takes one, and return the reference.

    `found` inserts the family at this index of the shard that is being filled and returns the shard; None: the index is
    taken, or no shard is open.
    """
    while True:
        open_shard: int | None = None
        for _ in range(_DRAWS):
            index = secrets.randbelow(SHARD_SIZE)
            shard = found(index)
            if shard is not None:
                return StatusReference(shard, index)
            if open_shard is None:
                open_shard = filling_shard(connection, now, machine=False)
        if open_shard is not None:
            give_up_shard(connection, open_shard, now)


def _belonging(which: Belonging) -> ColumnElement[bool]:
    """Return the condition of what isn't ended yet. The caller holds the row that they belong to, so no more come."""
    conditions = [
        column == wanted
        for column, wanted in (
            (_row.client_id, which.client_id),
            (_row.user_id, which.user_id),
            (_row.session_id, which.session_id),
            (_row.id, which.family_id),
        )
        if wanted is not None
    ]
    if not conditions:
        raise ValueError("an end of every family there is")
    if which.not_session_id is not None:
        conditions.append(_row.session_id != which.not_session_id)
    if which.web_only:
        web = clients.c.metadata["application_type"].as_string() == "web"
        conditions.append(_row.client_id.in_(select(clients.c.client_id).where(web)))
    return and_(_row.revoked_at.is_(None), *conditions)


def family_row(family: NewFamily) -> dict[str, Any]:
    """Return the columns of a family that has not been used yet, but for its reference in the status list."""
    return {
        **authorization_row(family.authorization),
        "id": family.id,
        "seed_hash": family.seed_hash,
        "generation": 0,
        "mac_kid": family.mac_kid,
        "rotated_at": family.created_at,
        "replays": 0,
        "origin_hash": origin_hash(family.origin),
        "moved": False,
        "streak": 0,
        "steady": 0,
        "idle_expires_at": min(family.idle_expires_at, family.expires_at),
        "expires_at": family.expires_at,
        "last_network": family.origin.network,
        "last_agent": family.origin.agent,
        "created_at": family.created_at,
    }


def _state_of(row: tuple[Any, ...]) -> FamilyState:
    (
        family_id,
        seed_hash,
        generation,
        rotated_at,
        moved,
        streak,
        steady,
        idle_expires_at,
        expires_at,
        revoked_at,
        enabled,
        shard,
        index,
        *authorization,
    ) = row
    return FamilyState(
        id=family_id,
        authorization=authorization_of(*authorization),
        seed_hash=seed_hash,
        generation=generation,
        rotated_at=rotated_at,
        moved=moved,
        streak=streak,
        steady=steady,
        idle_expires_at=idle_expires_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        enabled=enabled,
        status=StatusReference(shard, index),
    )
