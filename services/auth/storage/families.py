"""Families in the database: rotation, retry and end, each in one statement."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Update, and_, case, not_, or_, select, update

from services.auth.requested_claims import RequestedClaims
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.status_shards import filling_shard, give_up_shard
from services.auth.storage.tables import clients, families, users
from services.auth.tokens.family import Belonging, EndedFamily, FamilyState, Grant, NewFamily, Presented
from services.auth.tokens.refresh_token import origin_hash
from services.auth.tokens.status_list import SHARD_SIZE, StatusPlace
from shared.database import Connection

_row = families.c

#: Draws of a status index before the next shard is begun: by then about nine tenths of this one are taken.
_DRAWS = 64

#: What a grant is made of; the user's part is read in the same statement.
_GRANT = (
    _row.id,
    _row.client_id,
    _row.user_id,
    _row.session_id,
    _row.scopes,
    _row.resources,
    _row.auth_time,
    _row.acr,
    _row.amr,
    _row.claims,
    _row.generation,
    _row.mac_kid,
    _row.status_shard,
    _row.status_index,
    select(users.c.roles).where(users.c.id == _row.user_id).scalar_subquery().label("user_roles"),
    select(users.c.team).where(users.c.id == _row.user_id).scalar_subquery().label("user_team"),
)

#: Neither the user nor the client is disabled.
_ENABLED = and_(
    select(users.c.id).where(users.c.id == _row.user_id, users.c.disabled_at.is_(None)).exists(),
    select(clients.c.client_id).where(clients.c.client_id == _row.client_id, clients.c.disabled_at.is_(None)).exists(),
)


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
        while True:
            shard = filling_shard(self.connection, family.created_at, machine=False)
            for _ in range(_DRAWS):
                place = {"status_shard": shard, "status_index": secrets.randbelow(SHARD_SIZE)}
                if insert_if_absent(self.connection, families, {**values, **place}, conflict=list(place)):
                    return StatusPlace(shard, place["status_index"])
            give_up_shard(self.connection, shard, family.created_at)

    def find(self, family_id: UUID) -> FamilyState | None:
        query = select(families, _ENABLED.label("enabled")).where(_row.id == family_id)
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
        statement = (
            update(families)
            .where(
                _live_and_of(presented, now),
                _row.generation == presented.generation,
                not_(and_(_row.moved, _row.streak + 1 >= streak_limit)),
            )
            .values(
                generation=_row.generation + 1,
                mac_kid=mac_kid,
                rotated_at=now,
                replays=0,
                origin_hash=origin_hash(presented.origin),
                streak=case((_row.moved, _row.streak + 1), else_=0),
                moved=False,
                idle_expires_at=idle_expires_at,
                last_network=presented.origin.network,
                last_agent=presented.origin.agent,
            )
        )
        return self._grant(statement)

    def retry(self, presented: Presented, *, window: timedelta, settle: timedelta, now: datetime) -> Grant | None:
        late = and_(_row.rotated_at < now - settle, _row.origin_hash != origin_hash(presented.origin))
        statement = (
            update(families)
            .where(
                _live_and_of(presented, now),
                _row.generation == presented.generation + 1,
                _row.rotated_at > now - window,
            )
            .values(replays=_row.replays + 1, moved=or_(_row.moved, late))
        )
        return self._grant(statement)

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

    def _grant(self, statement: Update) -> Grant | None:
        row = self.connection.execute(statement.returning(*_GRANT)).one_or_none()
        return None if row is None else _grant(row)


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


def _live_and_of(presented: Presented, now: datetime) -> ColumnElement[bool]:
    return and_(
        _row.id == presented.family_id,
        _row.seed_hash == presented.seed_hash,
        _row.client_id == presented.client_id,
        _row.revoked_at.is_(None),
        _row.idle_expires_at > now,
        _row.expires_at > now,
        _ENABLED,
    )


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
