"""The DPoP proofs that were used, each for as long as it could be used again."""

from dataclasses import dataclass
from datetime import datetime

from services.auth.storage.assertion_jtis import MARGIN
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import dpop_proofs
from shared.database import Connection


@dataclass(frozen=True)
class SqlUsedProofs:
    """Implements `protocol.dpop.UsedProofs`."""

    connection: Connection

    def use(self, proof_id: bytes, *, expires_at: datetime, now: datetime) -> bool:
        sweep(self.connection, dpop_proofs, added=proof_id, before=now - MARGIN)
        values = {"proof_id": proof_id, "expires_at": expires_at}
        return insert_if_absent(self.connection, dpop_proofs, values, conflict=["proof_id"])
