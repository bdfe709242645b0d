"""Activities in SQL."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Column, Row

from services.crm.activities import ActivityDetails, ActivityKind
from services.crm.search_text import search_text
from services.crm.storage.records import SqlRecords
from services.crm.storage.tables import activities


class SqlActivities(SqlRecords[ActivityDetails]):
    """Activities."""

    table = activities
    sorts: ClassVar[Mapping[str, Column[Any]]] = {
        name: activities.c[name] for name in ("created_at", "updated_at", "occurred_at")
    }

    def row_of(self, details: ActivityDetails) -> dict[str, Any]:
        """Return the columns of what is said of the activity."""
        return {
            "kind": details.kind.value,
            "subject": details.subject,
            "body": details.body,
            "occurred_at": details.occurred_at,
            "contact_id": details.contact_id,
            "company_id": details.company_id,
            "search_text": search_text(details.subject, details.body),
        }

    def details_of(self, row: Row[Any]) -> ActivityDetails:
        """Return what is said of the activity."""
        return ActivityDetails(
            kind=ActivityKind(row.kind),
            subject=row.subject,
            occurred_at=row.occurred_at,
            body=row.body,
            contact_id=row.contact_id,
            company_id=row.company_id,
        )
