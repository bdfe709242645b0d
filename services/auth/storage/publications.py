"""What replicas look at once a second, and what they load when it moved."""

from dataclasses import dataclass

from sqlalchemy import bindparam, false, literal, select, union_all

from services.auth.storage.tables import key_set_versions, status_shards
from services.auth.tokens.status_list import Versions
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_row = status_shards.c
#: Stands for the key set among the shards' numbers.
_KEY_SET = -1
_VERSIONS = CompiledStatement(
    lambda _: union_all(
        select(literal(_KEY_SET).label("shard"), key_set_versions.c.version, false().label("machine")),
        select(_row.shard, _row.version, _row.machine),
    )
)
_SHARD = CompiledStatement(lambda _: select(_row.version, _row.bits).where(_row.shard == bindparam("wanted")))


@dataclass(frozen=True)
class SqlPublications:
    """Implements `tokens.status_list.Publications`."""

    connection: Connection

    def versions(self) -> Versions:
        rows = _VERSIONS.rows(self.connection, {})
        shards = {shard: version for shard, version, _ in rows if shard != _KEY_SET}
        machines = {shard: version for shard, version, machine in rows if machine}
        return Versions(next((version for shard, version, _ in rows if shard == _KEY_SET), 0), shards, machines)

    def shard(self, shard: int) -> tuple[int, bytes]:
        ((version, bits),) = _SHARD.rows(self.connection, {"wanted": shard})
        return version, bits
