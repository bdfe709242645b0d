"""Idempotency-Key for every POST of an API: one request, however often it is sent, is done once and answered alike.

    storage/tables.py:  idempotency_keys = idempotency_table(metadata)
    app.py:             idempotency = Idempotency(SqlIdempotencyKeys(database, idempotency_keys), clock)
    endpoints:          async def post_order(principal: Writer, attempt: Attempt, body: OrderIn) -> Response:
                            def work() -> Answer: ...          # its stores join the one transaction
                            return await idempotency.answer(attempt, principal, work)

Honoured when sent, never required. Authenticates nobody: a route's requirements (scope, step-up) have run before, and
`authorize`, which says whose record it is, runs before the look-up.

Spec: draft-ietf-httpapi-idempotency-key-header-07; Policy: ADR-0013
"""

from shared.api.idempotency.fingerprint import Sent
from shared.api.idempotency.once import Answer, Attempt, Idempotency
from shared.api.idempotency.store import LIFETIME, SqlIdempotencyKeys, Stored, idempotency_table

__all__ = ["LIFETIME", "Answer", "Attempt", "Idempotency", "Sent", "SqlIdempotencyKeys", "Stored", "idempotency_table"]
