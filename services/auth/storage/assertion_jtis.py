"""The client assertions that were used, each for as long as it could be used again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete

from services.auth.client_assertion import AssertionUse
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import assertion_jtis
from shared.database import Connection

#: By how much the clocks of processes may differ: what one of them takes for expired, another may still accept.
MARGIN = timedelta(hours=1)


@dataclass(frozen=True)
class SqlUsedAssertions:
    """Implements `client_assertion.UsedAssertions`."""

    connection: Connection

    def use(self, assertion: AssertionUse, now: datetime) -> bool:
        if assertion.jti_hash[0] == 0:  # one use in 256 sweeps away what has expired: the table stays small by itself
            self.connection.execute(delete(assertion_jtis).where(assertion_jtis.c.expires_at < now - MARGIN))
        return insert_if_absent(
            self.connection, assertion_jtis, assertion._asdict(), conflict=["client_id", "jti_hash"]
        )
