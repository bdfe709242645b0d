"""POST /api/{contacts,companies,activities}/{id}/owner: a manager hands a record to a member of the team.

In: OwnerIn; Idempotency-Key and If-Match, both optional. Out: the record, as its new owner sees it.

Policy: ADR-0050
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.crm.endpoints.access import Writer
from services.crm.records import ChangeRequest, Record, RecordStore
from shared.api.entity_tags import TAGGED, IfMatch
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.new_owner import OwnerIn, People, member_of_team
from shared.api.reach import led_team, writes
from shared.clock import Clock


def add_reassigning(
    router: APIRouter,
    records: RecordStore[Any],
    told: tuple[type[BaseModel], Callable[[Record[Any]], BaseModel]],
    people: People,
    idempotency: Idempotency,
    clock: Clock,
) -> None:
    """Add the route of one kind of record; `told` is the model of its answers, and what makes one."""
    model, answer = told
    kind = model.__name__.removesuffix("Out")

    @router.post(
        "/{record_id}/owner",
        operation_id=f"reassign{kind}",
        summary=f"Hand one of the {router.prefix.rpartition('/')[2]} to another owner",
        response_model=model,
        responses={200: TAGGED},
    )
    async def post_owner(
        principal: Writer, record_id: UUID, body: OwnerIn, attempt: Attempt, if_match: IfMatch
    ) -> Response:
        """Hand a record within a manager's reach to a member of the team. What it names it goes on naming."""
        led_team(principal)
        change = ChangeRequest(record_id, writes(principal), Actor.of(principal), if_match, clock.now())

        def work() -> Answer:
            record = change.reassign(records, member_of_team(body, principal, people))
            return Answer.of(answer(record), ETag=record.entity_tag)

        return await idempotency.answer(attempt, principal, work, authorize=lambda: change.authorize(records))
