"""/api/contacts.

In: JSON as ContactIn; `limit` and `cursor` for lists. Out: JSON as ContactOut and ContactPage, times in UTC.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.concurrency import run_in_threadpool

from services.crm.contacts import Contact, ContactDetails, ContactStore, create_contact, get_contact
from shared.bearer import Principal, ProtectedRoute, owner_of_new_records, reach_of, require_scope
from shared.clock import Clock
from shared.pagination import PageQuery

READ, WRITE, READ_ALL = "crm:read", "crm:write", "crm:read:all"

# Without NUL, which PostgreSQL cannot store in text.
_NO_NUL = r"^[^\x00]*$"
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_NO_NUL)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s\x00]+@[^@\s\x00]+$")]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=_NO_NUL)]

Reader = Annotated[Principal, Depends(require_scope(READ, READ_ALL))]
Writer = Annotated[Principal, Depends(require_scope(WRITE))]


class ContactIn(BaseModel):
    """What a caller may say of a contact; owner and times are not theirs to say."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    email: Email | None = None
    phone: Phone | None = None
    company_id: None = Field(default=None, description="There are no companies yet that a contact could belong to.")

    def details(self) -> ContactDetails:
        """Return it as the domain has it."""
        return ContactDetails(self.name, self.email, self.phone, self.company_id)


class ContactOut(BaseModel):
    """A contact as it is answered."""

    id: UUID
    name: str
    email: str | None
    phone: str | None
    company_id: UUID | None
    created_at: datetime
    updated_at: datetime

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
        )


class ContactPage(BaseModel):
    """Contacts, newest first."""

    items: list[ContactOut]
    next_cursor: str | None


def contacts_router(contacts: ContactStore, clock: Clock) -> APIRouter:
    """Return the routes, on that store."""
    router = APIRouter(prefix="/api/contacts", route_class=ProtectedRoute, tags=["contacts"])

    @router.get("", operation_id="listContacts")
    async def list_contacts(principal: Reader, query: Annotated[PageQuery, Query()]) -> ContactPage:
        """List the contacts within the caller's reach, newest first."""
        reach = reach_of(principal, all_records=READ_ALL)
        page = await run_in_threadpool(contacts.page, reach, query.limit, query.after)
        return ContactPage(items=[ContactOut.of(contact) for contact in page.items], next_cursor=page.next_cursor)

    @router.post("", operation_id="createContact", status_code=201)
    async def post_contact(principal: Writer, body: ContactIn, response: Response) -> ContactOut:
        """Add a contact that the caller owns."""
        owner = owner_of_new_records(principal)
        contact = await run_in_threadpool(create_contact, body.details(), owner, contacts, clock.now())
        response.headers["Location"] = f"{router.prefix}/{contact.id}"
        return ContactOut.of(contact)

    @router.get("/{contact_id}", operation_id="getContact")
    async def get_one_contact(principal: Reader, contact_id: UUID) -> ContactOut:
        """Return one contact within the caller's reach."""
        reach = reach_of(principal, all_records=READ_ALL)
        return ContactOut.of(await run_in_threadpool(get_contact, contact_id, reach, contacts))

    return router
