"""The client assertions that were used, each for as long as it could be used again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.auth.clients.assertion import AssertionUse
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import assertion_jtis
from shared.database import Connection

#: By how much the clocks of processes may differ: what one of them takes for expired, another may still accept.
MARGIN = timedelta(hours=1)


@dataclass(frozen=True)
class SqlUsedAssertions:
    """Implements `client_assertion.UsedAssertions`."""

    connection: Connection

    def use(self, assertion: AssertionUse, now: datetime) -> bool:
        sweep(self.connection, assertion_jtis, added=assertion.jti_hash, before=now - MARGIN)
        return insert_if_absent(
            self.connection, assertion_jtis, assertion._asdict(), conflict=["client_id", "jti_hash"]
        )
