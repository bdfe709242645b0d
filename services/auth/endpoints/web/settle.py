"""The end of a request that was refused or given tokens: it is counted, and written down within bounds.

Policy: ADR-0078
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from services.auth import metrics
from services.auth.audit import UNRECORDED, Occurrence, Refusal, refuse
from services.auth.endpoints.web.context import context_of, origin_of
from services.auth.endpoints.web.threads import in_thread


async def settle(http: Request, response: Response, noted: Sequence[Occurrence]) -> None:
    """Count what the request brought about. A thread hop only when there is a row to write; never while it is open."""
    if response.status_code >= 400:
        refuse(Refusal.WITHOUT_A_NAME)  # counts only if nobody gave a name
    ledger, rows = context_of(http).ledger, []
    for occurrence in noted:
        origin = None
        if occurrence.grant is None:
            metrics.refused(occurrence.event)
            origin = origin_of(http)
        else:
            metrics.issued(occurrence.grant, occurrence.client_id)
        if occurrence.event and occurrence.event not in UNRECORDED:
            rows += ledger.count(occurrence, origin)
    if rows:
        await in_thread(ledger.write, rows)
