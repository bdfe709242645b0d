"""GET /api/{contacts,companies,activities}/{id}/history: who changed a record, when, and what.

In: HistoryQuery. Out: HistoryPage. Policy: ADR-0046
"""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from services.crm.endpoints.access import Reader, reads
from services.crm.records import Change, RecordStore, get_record
from shared.api.history import ActorOut, HistoryQuery


class ChangeOut(BaseModel):
    """One change of a record."""

    version: int = Field(description="The version that it made; the first is 1.", examples=[2])
    at: datetime = Field(examples=["2030-01-01T12:00:00Z"])
    actor: ActorOut
    action: str = Field(
        description="`create`, `edit`, `reassign`, `delete`, `restore`, or `unlink`: what it named was deleted.",
        examples=["edit"],
    )
    changes: dict[str, Any] = Field(
        description='Each member that changed, as `{"from": ..., "to": ...}`.',
        examples=[{"phone": {"from": None, "to": "+44 20 7946 0001"}}],
    )

    @classmethod
    def of(cls, change: Change) -> "ChangeOut":
        """Return the change."""
        return cls(
            version=change.version,
            at=change.at,
            actor=ActorOut.of(change.actor),
            action=change.action,
            changes=dict(change.changes),
        )


class HistoryPage(BaseModel):
    """One page of changes, the last first, and the cursor of the next (`null`: this is the last)."""

    items: list[ChangeOut]
    next_cursor: str | None


def add_history(router: APIRouter, records: RecordStore[Any], kind: str) -> None:
    """Add the route of one kind of record, named in the singular."""

    @router.get(
        "/{record_id}/history",
        operation_id=f"list{kind.capitalize()}History",
        summary=f"Read the history of one of the {router.prefix.rpartition('/')[2]}",
    )
    async def list_history(principal: Reader, record_id: UUID, query: Annotated[HistoryQuery, Query()]) -> HistoryPage:
        """List every change of one record within the caller's reach, deleted or not: who, when, and what."""
        reach = reads(principal)

        def work() -> HistoryPage:
            page = records.history(record_id, reach, query.limit, query.before)
            if not page.items:  # beyond reach, or made before there was a history
                get_record(record_id, reach, records)
            return HistoryPage(items=[ChangeOut.of(change) for change in page.items], next_cursor=page.next_cursor)

        return await run_in_threadpool(work)
