"""The bits of the Token Status List and the references of machine clients."""

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, bindparam, case, func, literal, select, update

from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import clients, machine_places, status_shards
from services.auth.tokens.status_list import SHARD_SIZE, StatusReference, set_bits
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_row = status_shards.c

_open = status_shards.alias()
#: The shard in which the references of families are drawn at present; NULL: none is open.
FAMILY_SHARD = (
    select(func.min(_open.c.shard)).where(_open.c.machine.is_(False), _open.c.filling.is_(True)).scalar_subquery()
)

_MACHINE = CompiledStatement(
    lambda _: (
        select(machine_places.c.status_shard, machine_places.c.status_index)
        .join(clients, clients.c.client_id == machine_places.c.client_id)
        .where(
            machine_places.c.client_id == bindparam("wanted"),
            machine_places.c.retired_at.is_(None),
            clients.c.disabled_at.is_(None),
        )
    )
)

#: Shards of each kind that are there before they are needed, so that no replica meets one that it has never seen.
_SPARE = 2


@dataclass(frozen=True)
class SqlStatusShards:
    """Implements `tokens.status_list.StatusShards`."""

    connection: Connection

    def revoke(self, references: Iterable[StatusReference], now: datetime) -> None:
        self._write(references, now, to=True)

    def clear(self, references: Iterable[StatusReference], now: datetime) -> None:
        """Clear the bits of references that become free. The caller deletes what held them in the same transaction."""
        self._write(references, now, to=False)

    def move_all(self, now: datetime) -> None:
        """Move every shard's version, in ascending order."""
        locked = select(_row.shard).order_by(_row.shard).with_for_update()
        self.connection.execute(locked)
        self.connection.execute(update(status_shards).values(version=moved(_row.version, now)))

    def _write(self, references: Iterable[StatusReference], now: datetime, *, to: bool) -> None:
        by_shard: dict[int, list[int]] = defaultdict(list)
        for reference in references:
            by_shard[reference.shard].append(reference.index)
        for shard in sorted(by_shard):
            query = select(_row.bits).where(_row.shard == shard).with_for_update()
            bits = set_bits(self.connection.execute(query).scalar_one(), by_shard[shard], to=to)
            statement = update(status_shards).where(_row.shard == shard)
            self.connection.execute(statement.values(bits=bits, version=moved(_row.version, now)))


@dataclass(frozen=True)
class SqlMachineStatuses:
    """Implements `tokens.status_list.MachineStatuses`."""

    connection: Connection

    def find(self, client_id: str) -> StatusReference | None:
        row = _MACHINE.first(self.connection, {"wanted": client_id})
        return None if row is None else StatusReference(*row)

    def draw(self, client_id: str, now: datetime) -> StatusReference | None:
        enabled = select(clients.c.client_id).where(clients.c.client_id == client_id, clients.c.disabled_at.is_(None))
        if self.connection.execute(enabled.with_for_update()).first() is None:
            return None
        while (held := self.find(client_id)) is None:
            shard = filling_shard(self.connection, now, machine=True)
            if not self._take(client_id, shard, now):
                give_up_shard(self.connection, shard, now)
        return held

    def _take(self, client_id: str, shard: int, now: datetime) -> bool:
        values = {"client_id": client_id, "status_shard": shard, "created_at": now}
        return any(
            insert_if_absent(
                self.connection,
                machine_places,
                {**values, "status_index": secrets.randbelow(SHARD_SIZE)},
                conflict=["status_shard", "status_index"],
            )
            for _ in range(64)
        )

    def retire(self, client_id: str, now: datetime) -> StatusReference | None:
        statement = (
            update(machine_places)
            .where(machine_places.c.client_id == client_id, machine_places.c.retired_at.is_(None))
            .values(retired_at=now)
            .returning(machine_places.c.status_shard, machine_places.c.status_index)
        )
        row = self.connection.execute(statement).one_or_none()
        return None if row is None else StatusReference(*row)


def moved(version: ColumnElement[int], now: datetime) -> ColumnElement[int]:
    """Return the next version: one more, or the clock's milliseconds, so that a restored backup never goes back."""
    milliseconds = int(now.timestamp() * 1000)
    return case((version + 1 > milliseconds, version + 1), else_=literal(milliseconds))


def filling_shard(connection: Connection, now: datetime, *, machine: bool) -> int:
    """Return the shard in which references are drawn at present."""
    query = select(func.min(_row.shard)).where(_row.machine.is_(machine), _row.filling.is_(True))
    shard: int | None = connection.execute(query).scalar_one()
    return _open_shard(connection, now, machine=machine) if shard is None else shard


def give_up_shard(connection: Connection, shard: int, now: datetime) -> None:
    """Draw no more references in a shard that is nearly full, until a purge frees some; have a spare one ready."""
    statement = update(status_shards).where(_row.shard == shard).values(filling=False).returning(_row.machine)
    machine = connection.execute(statement).scalar_one()
    left = select(func.count()).where(_row.machine.is_(machine), _row.filling.is_(True))
    for _ in range(connection.execute(left).scalar_one(), _SPARE):
        _open_shard(connection, now, machine=machine)


def _open_shard(connection: Connection, now: datetime, *, machine: bool) -> int:
    """Insert an empty shard; of two processes that do so at once each gets its own."""
    while True:
        last = connection.execute(select(func.coalesce(func.max(_row.shard), -1))).scalar_one()
        values = {
            "shard": last + 1,
            "machine": machine,
            "filling": True,
            "version": int(now.timestamp() * 1000),
            "bits": bytes(SHARD_SIZE // 8),
        }
        if insert_if_absent(connection, status_shards, values, conflict=["shard"]):
            return int(last + 1)
