"""/api/activities.

In: JSON as ActivityIn and ActivityPatch; ActivityQuery for lists. Out: JSON as ActivityOut and ActivityPage,
times in UTC.

Spec: RFC 7396, RFC 9110 s13.1.1
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from services.crm.activities import Activity, ActivityDetails, ActivityKind
from services.crm.endpoints.access import Reader, Writer, reads
from services.crm.endpoints.fields import (
    Body,
    FilterQuery,
    ListQuery,
    Patch,
    RecordOut,
    Subject,
    Tombstone,
    Visible,
    told,
)
from services.crm.endpoints.history import add_history
from services.crm.endpoints.owner import add_reassigning
from services.crm.records import ChangeRequest, Names, RecordStore, Reference, get_record, new_record, require_known
from shared.api.entity_tags import CREATED, NOT_MODIFIED, TAGGED, IfMatch, IfNoneMatch, not_modified
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.new_owner import People
from shared.api.reach import owner_of_new_records, writes
from shared.api.route import ApiRoute
from shared.api.timestamp import Timestamp
from shared.clock import Clock


class ActivityIn(BaseModel):
    """What a caller may say of an activity; owner and times of record are not theirs to say."""

    model_config = ConfigDict(extra="forbid")

    kind: ActivityKind
    subject: Annotated[Subject, Visible]
    body: Body | None = None
    occurred_at: Timestamp | None = Field(default=None, description="When it was done; now, if nothing is said.")
    contact_id: UUID | None = Field(default=None, description="The contact that it is on, or else `company_id`.")
    company_id: UUID | None = Field(default=None, description="The company that it is on, or else `contact_id`.")

    @model_validator(mode="after")
    def _on_one_record(self) -> "ActivityIn":
        if (self.contact_id is None) == (self.company_id is None):
            raise ValueError("say either contact_id or company_id")
        return self

    def details(self, now: datetime) -> ActivityDetails:
        """Return it as the domain has it."""
        return ActivityDetails(
            kind=self.kind,
            subject=self.subject,
            occurred_at=self.occurred_at or now,
            body=self.body,
            contact_id=self.contact_id,
            company_id=self.company_id,
        )


class ActivityPatch(Patch):
    """A change of an activity (RFC 7396): members that are sent are set, `null` removes one, the others stay.

    What kind it is and whom it is on stays what it was at first.
    """

    subject: Subject = Field(default_factory=str)
    body: Body | None = None
    occurred_at: Timestamp = Field(default_factory=lambda: datetime.min.replace(tzinfo=UTC))


class ActivityOut(RecordOut):
    """An activity as it is answered."""

    id: UUID
    kind: ActivityKind
    subject: str = Field(examples=["Asked about the riddle"])
    body: str | None = Field(examples=["Why is a raven like a writing desk?"])
    occurred_at: datetime = Field(examples=["2030-01-01T12:00:00Z"])
    contact_id: UUID | None
    company_id: UUID | None

    @classmethod
    def of(cls, activity: Activity) -> "ActivityOut":
        """Return the activity without what is ours alone."""
        details = activity.details
        return cls(
            id=activity.id,
            kind=details.kind,
            subject=details.subject,
            body=details.body,
            occurred_at=details.occurred_at,
            contact_id=details.contact_id,
            company_id=details.company_id,
            created_at=activity.created_at,
            updated_at=activity.updated_at,
            deleted_at=activity.deleted_at,
            deleted_by=activity.deleted_by,
        )


class ActivityPage(BaseModel):
    """One page of activities, and the cursor of the next (`null`: this is the last)."""

    items: list[ActivityOut | Tombstone]
    next_cursor: str | None


class ActivityFilter(FilterQuery):
    """Which activities, in which order."""

    sort: Literal["created_at", "-created_at", "updated_at", "-updated_at", "occurred_at", "-occurred_at"] = Field(
        default="-created_at", description="`-` turns the order round: newest first is the default."
    )
    kind: ActivityKind | None = None
    contact_id: UUID | None = Field(default=None, description="Activities on this contact.")
    company_id: UUID | None = Field(default=None, description="Activities on this company.")


class ActivityQuery(ActivityFilter, ListQuery):
    """The query of a list of activities."""


def activities_router(
    activities: RecordStore[ActivityDetails],
    contacts: Names,
    companies: Names,
    people: People,
    idempotency: Idempotency,
    clock: Clock,
) -> APIRouter:
    """Return the routes, on those stores."""
    router = APIRouter(prefix="/api/activities", route_class=ApiRoute, tags=["activities"])

    @router.get("", operation_id="listActivities", summary="List activities")
    async def list_activities(principal: Reader, query: Annotated[ActivityQuery, Query()]) -> ActivityPage:
        """List the activities within the caller's reach, newest first if nothing else is asked for."""
        listing, reach = query.listing(), reads(principal)
        after = query.after(listing, "activities", reach)

        def work() -> ActivityPage:
            require_known(query.contact_id, reach, contacts, "query", "contact_id")
            require_known(query.company_id, reach, companies, "query", "company_id")
            page = activities.page(reach, listing, query.limit, after)
            return ActivityPage(items=told(page, listing, ActivityOut.of), next_cursor=page.next_cursor)

        return await run_in_threadpool(work)

    @router.post(
        "",
        operation_id="createActivity",
        summary="Add an activity",
        status_code=201,
        response_model=ActivityOut,
        responses={201: CREATED},
    )
    async def post_activity(principal: Writer, attempt: Attempt, body: ActivityIn) -> Response:
        """Add an activity that the caller owns."""
        owner, reach, actor = owner_of_new_records(principal), writes(principal), Actor.of(principal)

        def work() -> Answer:
            Reference(contacts, reach, ("body", "contact_id")).require(body.contact_id, owner)
            Reference(companies, reach, ("body", "company_id")).require(body.company_id, owner)
            now = clock.now()
            activity = new_record(body.details(now), owner, now)
            activities.add(activity, by=actor)
            return _answer(activity, 201, Location=f"{router.prefix}/{activity.id}")

        return await idempotency.answer(attempt, principal, work)

    @router.get(
        "/{activity_id}",
        operation_id="getActivity",
        summary="Read an activity",
        response_model=ActivityOut,
        responses={200: TAGGED, 304: NOT_MODIFIED},
    )
    async def get_one_activity(
        principal: Reader, activity_id: UUID, known: IfNoneMatch, response: Response
    ) -> ActivityOut | Response:
        """Return one activity within the caller's reach."""
        activity = await run_in_threadpool(get_record, activity_id, reads(principal), activities)
        response.headers["ETag"] = activity.entity_tag
        return not_modified(activity.entity_tag, known) or ActivityOut.of(activity)

    @router.patch(
        "/{activity_id}", operation_id="updateActivity", summary="Change an activity", responses={200: TAGGED}
    )
    async def patch_activity(
        principal: Writer, activity_id: UUID, body: ActivityPatch, if_match: IfMatch, response: Response
    ) -> ActivityOut:
        """Change what is sent of one activity within the caller's reach (RFC 7396); the other members stay."""
        change = ChangeRequest(activity_id, writes(principal), Actor.of(principal), if_match, clock.now())

        def work() -> Activity:
            return change.edit(activities, lambda details: replace(details, **body.changes(details)))

        activity = await run_in_threadpool(work)
        response.headers["ETag"] = activity.entity_tag
        return ActivityOut.of(activity)

    @router.delete("/{activity_id}", operation_id="deleteActivity", summary="Delete an activity", status_code=204)
    async def delete_activity(principal: Writer, activity_id: UUID, if_match: IfMatch) -> None:
        """Delete one activity within the caller's reach, until it is restored."""
        change = ChangeRequest(activity_id, writes(principal), Actor.of(principal), if_match, clock.now())
        await run_in_threadpool(change.delete, activities)

    @router.post(
        "/{activity_id}/restore",
        operation_id="restoreActivity",
        summary="Restore an activity",
        response_model=ActivityOut,
        responses={200: TAGGED},
    )
    async def restore_activity(principal: Writer, attempt: Attempt, activity_id: UUID, if_match: IfMatch) -> Response:
        """Bring a deleted activity back; one that is there stays as it is."""
        change = ChangeRequest(activity_id, writes(principal), Actor.of(principal), if_match, clock.now())

        return await idempotency.answer(
            attempt,
            principal,
            lambda: _answer(change.restore(activities)),
            authorize=lambda: change.authorize(activities),
        )

    add_history(router, activities, "activity")
    add_reassigning(router, activities, (ActivityOut, ActivityOut.of), people, idempotency, clock)
    return router


def _answer(activity: Activity, status: int = 200, **headers: str) -> Answer:
    return Answer.of(ActivityOut.of(activity), status, ETag=activity.entity_tag, **headers)
