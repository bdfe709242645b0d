"""Activities: notes and calls, each on one contact or on one company."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.crm.records import Record


class ActivityKind(StrEnum):
    """What was done."""

    NOTE = "note"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class ActivityDetails:
    """What was done and when; kind, contact and company stay what they were at first."""

    kind: ActivityKind
    subject: str
    occurred_at: datetime
    body: str | None = None
    contact_id: UUID | None = None
    company_id: UUID | None = None


Activity = Record[ActivityDetails]
