"""Families in the database: rotation, retry and end, each in one statement."""

import functools
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, bindparam, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from services.auth.accounts.requested_claims import RequestedClaims
from services.auth.storage import rotation
from services.auth.storage.insert import insert_to
from services.auth.storage.status_shards import FAMILY_SHARD as SHARD
from services.auth.storage.status_shards import filling_shard, give_up_shard
from services.auth.storage.tables import clients, families
from services.auth.tokens.family import Belonging, EndedFamily, FamilyState, Grant, NewFamily, Presented
from services.auth.tokens.refresh_token import origin_hash
from services.auth.tokens.status_list import SHARD_SIZE, StatusPlace
from shared.database import Connection

_row = families.c

#: Draws of a status index before the next shard is begun: by then about nine tenths of this one are taken.
_DRAWS = 64


@dataclass(frozen=True)
class SqlFamilies:
    """Implements `tokens.family.Families`."""

    connection: Connection

    def add(self, family: NewFamily) -> StatusPlace:
        values = {
            "id": family.id,
            "client_id": family.client_id,
            "user_id": family.user_id,
            "session_id": family.session_id,
            "scopes": sorted(family.scopes),
            "resources": list(family.resources),
            "auth_time": family.auth_time,
            "acr": family.acr,
            "amr": list(family.amr),
            "claims": family.claims.record(),
            "seed_hash": family.seed_hash,
            "generation": 0,
            "mac_kid": family.mac_kid,
            "rotated_at": family.created_at,
            "replays": 0,
            "origin_hash": origin_hash(family.origin),
            "moved": False,
            "streak": 0,
            "idle_expires_at": min(family.idle_expires_at, family.expires_at),
            "expires_at": family.expires_at,
            "last_network": family.origin.network,
            "last_agent": family.origin.agent,
            "created_at": family.created_at,
        }
        found = _found(self.connection.dialect.name, tuple(values))
        while True:
            shard: int | None = None
            for _ in range(_DRAWS):
                index = secrets.randbelow(SHARD_SIZE)
                drawn = self.connection.execute(found, {**values, "status_index": index}).scalar_one_or_none()
                if drawn is not None:
                    return StatusPlace(drawn, index)
                if shard is None:  # the place is taken, or no shard is open yet
                    shard = filling_shard(self.connection, family.created_at, machine=False)
            if shard is not None:
                give_up_shard(self.connection, shard, family.created_at)

    def find(self, family_id: UUID) -> FamilyState | None:
        query = select(families, rotation.ENABLED.label("enabled")).where(_row.id == family_id)
        row = self.connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        return FamilyState(
            id=row["id"],
            client_id=row["client_id"],
            user_id=row["user_id"],
            session_id=row["session_id"],
            seed_hash=row["seed_hash"],
            generation=row["generation"],
            rotated_at=row["rotated_at"],
            moved=row["moved"],
            streak=row["streak"],
            scopes=frozenset(row["scopes"]),
            resources=tuple(row["resources"]),
            idle_expires_at=row["idle_expires_at"],
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
            enabled=row["enabled"],
            status=StatusPlace(row["status_shard"], row["status_index"]),
            claims=RequestedClaims.from_record(row["claims"]),
        )

    def rotate(
        self, presented: Presented, *, mac_kid: bytes, idle_expires_at: datetime, streak_limit: int, now: datetime
    ) -> Grant | None:
        parameters = rotation.rotation(
            presented, mac_kid=mac_kid, idle_expires_at=idle_expires_at, streak_limit=streak_limit, now=now
        )
        return self._grant(rotation.ROTATE, parameters)

    def retry(self, presented: Presented, *, window: timedelta, settle: timedelta, now: datetime) -> Grant | None:
        parameters = rotation.retry(presented, window=window, settle=settle, now=now)
        return self._grant(rotation.RETRY, parameters)

    def fast_forward(self, family_id: UUID, *, read: int, to: int) -> bool:
        statement = (
            update(families)
            .where(_row.id == family_id, _row.generation == read)
            .values(generation=to, moved=False, streak=0)
        )
        return self.connection.execute(statement).rowcount == 1

    def revoke(self, family_id: UUID, *, why: str, now: datetime, generation: int | None = None) -> bool:
        statement = update(families).where(_row.id == family_id, _row.revoked_at.is_(None))
        if generation is not None:
            statement = statement.where(_row.generation == generation)
        return self.connection.execute(statement.values(revoked_at=now, revoked_why=why)).rowcount == 1

    def revoke_all(self, which: Belonging, *, why: str, now: datetime) -> list[EndedFamily]:
        wanted = _belonging(which)
        columns = (_row.id, _row.client_id, _row.user_id, _row.session_id, _row.status_shard, _row.status_index)
        found = self.connection.execute(select(*columns).where(wanted).order_by(_row.id).with_for_update()).all()
        if found:
            self.connection.execute(update(families).where(wanted).values(revoked_at=now, revoked_why=why))
        return [EndedFamily(*row[:4], StatusPlace(*row[4:])) for row in found]

    def _grant(self, statement: ReturningUpdate[Any], parameters: dict[str, Any]) -> Grant | None:
        row = self.connection.execute(statement, parameters).one_or_none()
        return None if row is None else _grant(row)


@functools.cache
def _found(dialect: str, given: tuple[str, ...]) -> Any:
    """Return the statement that inserts a family in the shard that is being filled, unless the place is taken."""
    columns = (*given, "status_index")
    row = select(*(bindparam(name, type_=_row[name].type) for name in columns), SHARD.label("status_shard"))
    statement = insert_to(dialect, families).from_select([*columns, "status_shard"], row.where(SHARD.is_not(None)))
    place = [_row.status_shard, _row.status_index]
    return statement.on_conflict_do_nothing(index_elements=place).returning(_row.status_shard)


def _belonging(which: Belonging) -> ColumnElement[bool]:
    """Return the condition of what isn't ended yet. The caller holds the row that they belong to, so no more come."""
    conditions = [
        column == wanted
        for column, wanted in (
            (_row.client_id, which.client_id),
            (_row.user_id, which.user_id),
            (_row.session_id, which.session_id),
        )
        if wanted is not None
    ]
    if not conditions:
        raise ValueError("an end of every family there is")
    if which.web_only:
        web = clients.c.metadata["application_type"].as_string() == "web"
        conditions.append(_row.client_id.in_(select(clients.c.client_id).where(web)))
    return and_(_row.revoked_at.is_(None), *conditions)


def _grant(row: Row[Any]) -> Grant:
    return Grant(
        family_id=row.id,
        client_id=row.client_id,
        user_id=row.user_id,
        session_id=row.session_id,
        scopes=frozenset(row.scopes),
        resources=tuple(row.resources),
        auth_time=row.auth_time,
        acr=row.acr,
        amr=tuple(row.amr),
        generation=row.generation,
        mac_kid=row.mac_kid,
        roles=tuple(row.user_roles),
        team=row.user_team,
        status=StatusPlace(row.status_shard, row.status_index),
        claims=RequestedClaims.from_record(row.claims),
    )
