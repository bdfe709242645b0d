"""companies and activities; contacts get versions, deletion, sort keys and search"""

import unicodedata
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002_companies_activities"
down_revision = "0001_contacts"
branch_labels = None
depends_on = None

LIVE, DELETED = sa.text("deleted_at IS NULL"), sa.text("deleted_at IS NOT NULL")
TABLES = ("companies", "contacts", "activities")
MOMENT = sa.DateTime(timezone=True)
# text in the order of its code points
KEY = sa.String(100).with_variant(sa.String(100, collation="C"), "postgresql")


def upgrade() -> None:
    create_records(
        "companies",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("name_key", KEY, nullable=False),
        sa.Column("domain", sa.String(253)),
        sa.Column("phone", sa.String(50)),
    )
    extend_contacts()
    create_records(
        "activities",
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("body", sa.Text()),
        sa.Column("occurred_at", MOMENT, nullable=False),
        foreign("activities", "contact_id", "contacts"),
        foreign("activities", "company_id", "companies"),
        sa.CheckConstraint("(contact_id IS NULL) <> (company_id IS NULL)", name=op.f("ck_activities_one_parent")),
    )
    for table in ("companies", "contacts"):
        index_lists(table, "name_key")
    index_lists("activities", "occurred_at")
    for table, column in (
        ("contacts", "email_key"),
        ("contacts", "company_id"),
        ("activities", "contact_id"),
        ("activities", "company_id"),
    ):
        index(table, column, "owner_sub", "created_at")
    for table in TABLES:
        create_search(table)


def create_records(table: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_sub", sa.String(255), nullable=False),
        sa.Column("owner_team", sa.String(255)),
        *columns,
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("deleted_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )


def foreign(table: str, column: str, target: str) -> sa.Column[Any]:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.Column(column, sa.Uuid(), sa.ForeignKey(f"{target}.id", name=name))


def extend_contacts() -> None:
    for columns in (["owner_sub", "created_at", "id"], ["owner_team", "created_at", "id"], ["created_at", "id"]):
        op.drop_index(op.f(f"ix_contacts_{'_'.join(columns)}"), "contacts")
    added: tuple[sa.Column[Any], ...] = (
        sa.Column("name_key", KEY),
        sa.Column("email_key", KEY),
        sa.Column("search_text", sa.Text()),
        sa.Column("version", sa.Integer()),
        sa.Column("deleted_at", MOMENT),
    )
    for column in added:
        op.add_column("contacts", column)
    fill_contacts()
    with op.batch_alter_table("contacts") as batch:
        for column in (added[0], added[2], added[3]):
            batch.alter_column(column.name, existing_type=column.type, nullable=False)
        batch.create_foreign_key(op.f("fk_contacts_company_id_companies"), "companies", ["company_id"], ["id"])


def fill_contacts() -> None:
    names = ("id", "name", "email", "phone", "name_key", "email_key", "search_text", "version")
    contacts = sa.table("contacts", *map(sa.column, names))
    db = op.get_bind()
    db.execute(sa.update(contacts).values(version=1))
    for row in db.execute(sa.select(contacts.c.id, contacts.c.name, contacts.c.email, contacts.c.phone)).all():
        values = {
            "name_key": row.name.casefold()[:100],
            "email_key": row.email and row.email.casefold()[:100],
            "search_text": words(row.name, row.email, row.phone),
        }
        db.execute(sa.update(contacts).where(contacts.c.id == row.id).values(values))


def words(*texts: str | None) -> str:
    """As services.crm.search_text had it when this was written."""
    folded = unicodedata.normalize("NFKD", " ".join(text for text in texts if text).casefold()).casefold()
    letters = (
        letter if letter.isalnum() or unicodedata.category(letter)[0] == "M" else " "
        for letter in folded
        if not unicodedata.combining(letter)
    )
    return " ".join(dict.fromkeys(word[:64] for word in "".join(letters).split()))


def index_lists(table: str, third: str) -> None:
    for sort in ("created_at", "updated_at", third):
        for owner in (["owner_sub"], ["owner_team"], []):
            index(table, *owner, sort, "id")
    index(table, "owner_sub", "created_at", "id", where=DELETED, name=f"ix_{table}_deleted")


def index(table: str, *columns: str, where: sa.TextClause = LIVE, name: str | None = None) -> None:
    name = name or op.f(f"ix_{table}_{'_'.join(columns)}")
    op.create_index(name, table, list(columns), postgresql_where=where, sqlite_where=where)


def create_search(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE INDEX search_{table} ON {table} USING gin (array_to_tsvector(string_to_array(search_text, ' ')))"
        )
        return
    # `ascii` splits at spaces alone in what search_text holds: the words are the same as on PostgreSQL
    op.execute(f"CREATE VIRTUAL TABLE search_{table} USING fts5(search_text, tokenize = 'ascii', prefix = '2 3')")
    # a number that VACUUM does not change, as it may an implicit rowid
    op.execute(f"CREATE TABLE search_{table}_rows (number INTEGER PRIMARY KEY, id CHAR(32) NOT NULL UNIQUE)")
    number = f"(SELECT number FROM search_{table}_rows WHERE id = %s.id)"  # noqa: S608 - names of ours
    add = (
        f"INSERT INTO search_{table}_rows (id) VALUES (new.id);"  # noqa: S608
        f" INSERT INTO search_{table} (rowid, search_text) VALUES ({number % 'new'}, new.search_text);"
    )
    drop = (
        f"DELETE FROM search_{table} WHERE rowid = {number % 'old'};"  # noqa: S608
        f" DELETE FROM search_{table}_rows WHERE id = old.id;"
    )
    change = f"UPDATE search_{table} SET search_text = new.search_text WHERE rowid = {number % 'new'};"  # noqa: S608
    op.execute(f"CREATE TRIGGER search_{table}_insert AFTER INSERT ON {table} BEGIN {add} END")
    op.execute(f"CREATE TRIGGER search_{table}_delete AFTER DELETE ON {table} BEGIN {drop} END")
    op.execute(f"CREATE TRIGGER search_{table}_update AFTER UPDATE OF search_text ON {table} BEGIN {change} END")
    # what was there before the triggers
    op.execute(f"INSERT INTO search_{table}_rows (id) SELECT id FROM {table}")  # noqa: S608
    op.execute(
        f"INSERT INTO search_{table} (rowid, search_text) SELECT r.number, t.search_text"  # noqa: S608
        f" FROM {table} t JOIN search_{table}_rows r ON r.id = t.id"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for trigger in ("insert", "delete", "update"):
                op.execute(f"DROP TRIGGER search_{table}_{trigger}")
            op.execute(f"DROP TABLE search_{table}")
            op.execute(f"DROP TABLE search_{table}_rows")
    else:
        op.execute("DROP INDEX search_contacts")
    op.drop_table("activities")
    for column in ("name_key", "updated_at", "created_at"):
        for owner in (["owner_sub"], ["owner_team"], []):
            op.drop_index(op.f(f"ix_contacts_{'_'.join([*owner, column, 'id'])}"), "contacts")
    for name in ("deleted", "email_key_owner_sub_created_at", "company_id_owner_sub_created_at"):
        op.drop_index(op.f(f"ix_contacts_{name}"), "contacts")
    # what was deleted stays deleted: the schema before cannot say so
    op.execute("DELETE FROM contacts WHERE deleted_at IS NOT NULL")
    op.execute("UPDATE contacts SET company_id = NULL")
    with op.batch_alter_table("contacts") as batch:
        batch.drop_constraint(op.f("fk_contacts_company_id_companies"), type_="foreignkey")
        for column in ("name_key", "email_key", "search_text", "version", "deleted_at"):
            batch.drop_column(column)
    op.drop_table("companies")
    for columns in (["owner_sub", "created_at", "id"], ["owner_team", "created_at", "id"], ["created_at", "id"]):
        op.create_index(op.f(f"ix_contacts_{'_'.join(columns)}"), "contacts", columns)
