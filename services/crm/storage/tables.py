"""The CRM's whole schema, except what search adds to it.

Search: the migration `0002_companies_activities` makes, for each table here, on PostgreSQL the GIN index
`search_<table>`, on SQLite the FTS5 table `search_<table>`, the table `search_<table>_rows` that gives each record a
number in it, and the triggers that keep both. Alembic does not compare them: `migrations/env.py` leaves out what is
named `search_`.
"""

from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid

from shared.api.idempotency import idempotency_table
from shared.api.teams import people_table
from shared.database import Json, UtcDateTime, new_metadata
from shared.installation import installation_table

metadata = new_metadata()

#: Text in the order of its code points, on both backends: a range of it is a range of its index.
SortKey = String(100).with_variant(String(100, collation="C"), "postgresql")


def _record(name: str, *columns: Any, sorts: tuple[str, ...]) -> Table:
    """Return a table of records: owner, times, version, deletion, and the indexes of its lists.

    A list reads one range of one index: of a user's own records, of a manager's team, of everything, in each order.
    """
    table = Table(
        name,
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("owner_sub", String(255), nullable=False),
        Column("owner_team", String(255)),
        *columns,
        Column("search_text", Text, nullable=False),
        Column("version", Integer, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
        Column("deleted_at", UtcDateTime),
        Column("deleted_by", String(255)),
    )
    live, deleted = table.c.deleted_at.is_(None), table.c.deleted_at.is_not(None)
    for sort in sorts:
        for owner in (["owner_sub"], ["owner_team"], []):
            names = [*owner, sort, "id"]
            Index(None, *(table.c[column] for column in names), postgresql_where=live, sqlite_where=live)
    # deleted ones, which are few: by when they were made, and by when they were deleted (`updated_since`)
    for owner in (["owner_sub"], ["owner_team"], []):
        for sort in ("created_at", "updated_at"):
            told = "_".join(["ix", name, "deleted", *owner, sort])
            in_order = (table.c[column] for column in (*owner, sort, "id"))
            Index(told, *in_order, postgresql_where=deleted, sqlite_where=deleted)
    return table


def _filter(table: Table, column: str) -> None:
    """Add the index of a filter by equality, for one's own records and for a team's."""
    live = table.c.deleted_at.is_(None)
    columns = (table.c[name] for name in (column, "owner_sub", "created_at", "id"))
    Index(None, *columns, postgresql_where=live, sqlite_where=live)


companies = _record(
    "companies",
    Column("name", String(200), nullable=False),
    Column("name_key", SortKey, nullable=False),
    Column("domain", String(253)),
    Column("phone", String(50)),
    sorts=("created_at", "updated_at", "name_key"),
)

contacts = _record(
    "contacts",
    Column("name", String(200), nullable=False),
    Column("name_key", SortKey, nullable=False),
    Column("email", String(254)),
    Column("email_key", SortKey),
    Column("phone", String(50)),
    Column("company_id", ForeignKey("companies.id")),
    sorts=("created_at", "updated_at", "name_key"),
)
_filter(contacts, "email_key")
_filter(contacts, "company_id")

activities = _record(
    "activities",
    Column("kind", String(10), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("body", Text),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("contact_id", ForeignKey("contacts.id")),
    Column("company_id", ForeignKey("companies.id")),
    CheckConstraint("(contact_id IS NULL) <> (company_id IS NULL)", name="one_parent"),
    sorts=("created_at", "updated_at", "occurred_at"),
)
_filter(activities, "contact_id")
_filter(activities, "company_id")

# One row for each version of a record; the service's role may add, read and erase, no more (deploy.migrate).
record_history = Table(
    "record_history",
    metadata,
    Column("kind", String(20), primary_key=True),  # the record's table
    Column("record_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_sub", String(255), nullable=False),
    Column("actor_client_id", String(255), nullable=False),
    Column("actor_acting", String(255)),
    Column("action", String(20), nullable=False),
    Column("changes", Json, nullable=False),
)
people = people_table(metadata)
installation = installation_table(metadata)

idempotency_keys = idempotency_table(metadata)
