"""What replicas look at once a second, and what they load when it moved."""

from dataclasses import dataclass

from sqlalchemy import false, literal, select, union_all

from services.auth.storage.tables import key_set_versions, status_shards
from services.auth.tokens.status_list import Versions
from shared.database import Connection

_row = status_shards.c
#: Stands for the key set among the shards' numbers.
_KEY_SET = -1


@dataclass(frozen=True)
class SqlPublications:
    """Implements `tokens.status_list.Publications`."""

    connection: Connection

    def versions(self) -> Versions:
        keys = select(literal(_KEY_SET).label("shard"), key_set_versions.c.version, false().label("machine"))
        rows = self.connection.execute(union_all(keys, select(_row.shard, _row.version, _row.machine))).all()
        shards = {row.shard: row.version for row in rows if row.shard != _KEY_SET}
        machine = {row.shard: row.version for row in rows if row.machine}
        return Versions(next((row.version for row in rows if row.shard == _KEY_SET), 0), shards, machine)

    def shard(self, shard: int) -> tuple[int, bytes]:
        version, bits = self.connection.execute(select(_row.version, _row.bits).where(_row.shard == shard)).one()
        return version, bits
