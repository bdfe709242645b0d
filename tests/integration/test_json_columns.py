"""A JSON document in a column is read alike from both databases, whatever PostgreSQL keeps as jsonb."""

from typing import Any

import pytest
from sqlalchemy import Column, ColumnElement, Table, insert, literal_column, select

from shared.database import Database, Json, new_metadata
from shared.json_text import read_json


@pytest.mark.parametrize(
    "number",
    ["18446744073709551616", "1" + "0" * 300, "9" * 4000, "9" * 5000, "1e400", "1e-400"],
    ids=["65 bits", "300 digits", "4,000 digits", "5,000 digits", "a huge exponent", "a tiny exponent"],
)
def test_both_databases_read_a_number_alike(database_url: str, number: str) -> None:
    document = f'{{"a": 1, "a": [{number}, -{number}]}}'
    kept = Table("kept", new_metadata(), Column("content", Json))
    kind = "jsonb" if database_url.startswith("postgresql") else "text"
    as_it_is: ColumnElement[Any] = literal_column(f"CAST('{document}' AS {kind})")
    database = Database(database_url)
    kept.metadata.create_all(database.engine)
    try:
        with database.unit_of_work() as db:
            db.execute(insert(kept).values(content=as_it_is))
            assert db.scalar(select(kept.c.content)) == read_json(document)
    finally:
        database.dispose()
