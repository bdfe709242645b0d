"""the words of a record by a function that says what it costs: PostgreSQL then reads the index of the words"""

from alembic import op

revision = "0005_search_words"
down_revision = "0004_filter_indexes"
branch_labels = None
depends_on = None

TABLES = ("companies", "contacts", "activities")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    # plpgsql, since a function in SQL is inlined and its cost forgotten
    op.execute(
        "CREATE FUNCTION search_words(search_text text) RETURNS tsvector"
        " LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000"
        " AS $$ BEGIN RETURN array_to_tsvector(string_to_array(search_text, ' ')); END $$"
    )
    for table in TABLES:
        op.execute(f"DROP INDEX search_{table}")
        op.execute(f"CREATE INDEX search_{table} ON {table} USING gin (search_words(search_text))")


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in TABLES:
        op.execute(f"DROP INDEX search_{table}")
        op.execute(
            f"CREATE INDEX search_{table} ON {table} USING gin (array_to_tsvector(string_to_array(search_text, ' ')))"
        )
    op.execute("DROP FUNCTION search_words(text)")
