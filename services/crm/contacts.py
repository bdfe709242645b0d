"""Contacts: what its owner says of a person that the company knows."""

from dataclasses import dataclass
from uuid import UUID

from services.crm.records import Record


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """A person, and the company that they work for."""

    name: str
    email: str | None = None
    phone: str | None = None
    company_id: UUID | None = None


Contact = Record[ContactDetails]
