"""Companies in SQL."""

from collections.abc import Mapping
from typing import Any, ClassVar

from sqlalchemy import Column, ColumnElement, Row

from services.crm.companies import CompanyDetails
from services.crm.search_text import search_text, sort_key
from services.crm.storage.records import SqlRecords, begins_with
from services.crm.storage.tables import companies


class SqlCompanies(SqlRecords[CompanyDetails]):
    """Companies."""

    table = companies
    sorts: ClassVar[Mapping[str, Column[Any]]] = {
        "created_at": companies.c.created_at,
        "updated_at": companies.c.updated_at,
        "name": companies.c.name_key,
    }

    def row_of(self, details: CompanyDetails) -> dict[str, Any]:
        """Return the columns of what is said of the company."""
        return {
            "name": details.name,
            "name_key": sort_key(details.name),
            "domain": details.domain,
            "phone": details.phone,
            "search_text": search_text(details.name, details.domain, details.phone),
        }

    def details_of(self, row: Row[Any]) -> CompanyDetails:
        """Return what is said of the company."""
        return CompanyDetails(row.name, row.domain, row.phone)

    def condition(self, name: str, sought: Any) -> ColumnElement[bool]:
        """Return the condition of a filter: the beginning of a name."""
        if name == "name":
            return begins_with(companies.c.name_key, sort_key(sought))
        return super().condition(name, sought)
