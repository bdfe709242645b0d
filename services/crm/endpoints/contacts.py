"""/api/contacts.

In: JSON as ContactIn and ContactPatch; ContactQuery for lists. Out: JSON as ContactOut and ContactPage, times in UTC.

Spec: RFC 7396, RFC 9110 s13.1.1
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from services.crm.contacts import Contact, ContactDetails
from services.crm.endpoints.access import Reader, Writer, reads
from services.crm.endpoints.fields import (
    Email,
    FilterQuery,
    ListQuery,
    Name,
    NameBegins,
    Patch,
    Phone,
    RecordOut,
    Tombstone,
    Visible,
    WholeEmail,
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
from shared.clock import Clock

_COMPANY = (
    "The company that the contact belongs to: one within the caller's reach, and of the contact's owner where that is "
    "somebody else. The one that it has is always good."
)
_COMPANY_ID = ("body", "company_id")


class ContactIn(BaseModel):
    """What a caller may say of a contact; owner and times are not theirs to say."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Name, Visible]
    email: Email | None = None
    phone: Annotated[Phone, Visible] | None = None
    company_id: UUID | None = Field(default=None, description=_COMPANY)

    def details(self) -> ContactDetails:
        """Return it as the domain has it."""
        return ContactDetails(self.name, self.email, self.phone, self.company_id)


class ContactPatch(Patch):
    """A change of a contact (RFC 7396): members that are sent are set, `null` removes one, the others stay."""

    name: Name = Field(default_factory=str)
    email: Email | None = None
    phone: Phone | None = None
    company_id: UUID | None = Field(default=None, description=_COMPANY)

    def checked_against(self, companies: Reference) -> Callable[[Contact], None]:
        """Return what raises if a contact may not be given the company that was sent."""

        def check(contact: Contact) -> None:
            if "company_id" in self.model_fields_set:
                companies.require(self.company_id, contact.owner, contact.details.company_id)

        return check


class ContactOut(RecordOut):
    """A contact as it is answered."""

    id: UUID
    name: str = Field(examples=["Mad Hatter"])
    email: str | None = Field(examples=["hatter@tea.example"])
    phone: str | None = Field(examples=["+44 20 7946 0001"])
    company_id: UUID | None

    @classmethod
    def of(cls, contact: Contact) -> "ContactOut":
        """Return the contact without what is ours alone."""
        details = contact.details
        return cls(
            id=contact.id,
            name=details.name,
            email=details.email,
            phone=details.phone,
            company_id=details.company_id,
            created_at=contact.created_at,
            updated_at=contact.updated_at,
            deleted_at=contact.deleted_at,
            deleted_by=contact.deleted_by,
        )


class ContactPage(BaseModel):
    """One page of contacts, and the cursor of the next (`null`: this is the last)."""

    items: list[ContactOut | Tombstone]
    next_cursor: str | None


class ContactFilter(FilterQuery):
    """Which contacts, in which order."""

    sort: Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"] = Field(
        default="-created_at", description="`-` turns the order round: newest first is the default."
    )
    name: NameBegins | None = Field(default=None, description="How the name begins, in either case.")
    email: WholeEmail | None = Field(default=None, description="The whole e-mail address, in either case.")
    company_id: UUID | None = Field(default=None, description="Contacts of this company.")


class ContactQuery(ContactFilter, ListQuery):
    """The query of a list of contacts."""


def contacts_router(
    contacts: RecordStore[ContactDetails], companies: Names, people: People, idempotency: Idempotency, clock: Clock
) -> APIRouter:
    """Return the routes, on those stores."""
    router = APIRouter(prefix="/api/contacts", route_class=ApiRoute, tags=["contacts"])

    @router.get("", operation_id="listContacts", summary="List contacts")
    async def list_contacts(principal: Reader, query: Annotated[ContactQuery, Query()]) -> ContactPage:
        """List the contacts within the caller's reach, newest first if nothing else is asked for."""
        listing, reach = query.listing(), reads(principal)
        after = query.after(listing, "contacts", reach)

        def work() -> ContactPage:
            require_known(query.company_id, reach, companies, "query", "company_id")
            page = contacts.page(reach, listing, query.limit, after)
            return ContactPage(items=told(page, listing, ContactOut.of), next_cursor=page.next_cursor)

        return await run_in_threadpool(work)

    @router.post(
        "",
        operation_id="createContact",
        summary="Add a contact",
        status_code=201,
        response_model=ContactOut,
        responses={201: CREATED},
    )
    async def post_contact(principal: Writer, attempt: Attempt, body: ContactIn) -> Response:
        """Add a contact that the caller owns."""
        owner, reach, actor = owner_of_new_records(principal), writes(principal), Actor.of(principal)

        def work() -> Answer:
            Reference(companies, reach, _COMPANY_ID).require(body.company_id, owner)
            contact = new_record(body.details(), owner, clock.now())
            contacts.add(contact, by=actor)
            return _answer(contact, 201, Location=f"{router.prefix}/{contact.id}")

        return await idempotency.answer(attempt, principal, work)

    @router.get(
        "/{contact_id}",
        operation_id="getContact",
        summary="Read a contact",
        response_model=ContactOut,
        responses={200: TAGGED, 304: NOT_MODIFIED},
    )
    async def get_one_contact(
        principal: Reader, contact_id: UUID, known: IfNoneMatch, response: Response
    ) -> ContactOut | Response:
        """Return one contact within the caller's reach."""
        contact = await run_in_threadpool(get_record, contact_id, reads(principal), contacts)
        response.headers["ETag"] = contact.entity_tag
        return not_modified(contact.entity_tag, known) or ContactOut.of(contact)

    @router.patch("/{contact_id}", operation_id="updateContact", summary="Change a contact", responses={200: TAGGED})
    async def patch_contact(
        principal: Writer, contact_id: UUID, body: ContactPatch, if_match: IfMatch, response: Response
    ) -> ContactOut:
        """Change what is sent of one contact within the caller's reach (RFC 7396); the other members stay."""
        change = ChangeRequest(contact_id, writes(principal), Actor.of(principal), if_match, clock.now())

        def work() -> Contact:
            check = body.checked_against(Reference(companies, change.reach, _COMPANY_ID))
            return change.edit(contacts, lambda details: replace(details, **body.changes(details)), check)

        contact = await run_in_threadpool(work)
        response.headers["ETag"] = contact.entity_tag
        return ContactOut.of(contact)

    @router.delete("/{contact_id}", operation_id="deleteContact", summary="Delete a contact", status_code=204)
    async def delete_contact(principal: Writer, contact_id: UUID, if_match: IfMatch) -> None:
        """Delete one contact within the caller's reach, until it is restored."""
        change = ChangeRequest(contact_id, writes(principal), Actor.of(principal), if_match, clock.now())
        await run_in_threadpool(change.delete, contacts)

    @router.post(
        "/{contact_id}/restore",
        operation_id="restoreContact",
        summary="Restore a contact",
        response_model=ContactOut,
        responses={200: TAGGED},
    )
    async def restore_contact(principal: Writer, attempt: Attempt, contact_id: UUID, if_match: IfMatch) -> Response:
        """Bring a deleted contact back; one that is there stays as it is."""
        change = ChangeRequest(contact_id, writes(principal), Actor.of(principal), if_match, clock.now())

        return await idempotency.answer(
            attempt,
            principal,
            lambda: _answer(change.restore(contacts)),
            authorize=lambda: change.authorize(contacts),
        )

    add_history(router, contacts, "contact")
    add_reassigning(router, contacts, (ContactOut, ContactOut.of), people, idempotency, clock)
    return router


def _answer(contact: Contact, status: int = 200, **headers: str) -> Answer:
    return Answer.of(ContactOut.of(contact), status, ETag=contact.entity_tag, **headers)
