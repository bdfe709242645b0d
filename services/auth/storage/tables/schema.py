"""What the tables of auth share: their metadata, and an index of some rows only."""

from sqlalchemy import Index, text

from shared.database import new_metadata

metadata = new_metadata()


def index_where(name: str, column: str, where: str, *, unique: bool = False) -> Index:
    """Index the rows that `where` (SQL) names."""
    return Index(name, column, unique=unique, sqlite_where=text(where), postgresql_where=text(where))
