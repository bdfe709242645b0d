"""One Alembic environment for the three histories; the section (-n auth | crm | orders) says which."""

import importlib

from alembic import context
from sqlalchemy import text

from shared.database import Database
from shared.settings import load_settings

SERVICES = ("auth", "crm", "orders")

service = context.config.config_ini_section
if service not in SERVICES:
    raise SystemExit(f"alembic: say which history: alembic -n {'|'.join(SERVICES)} ...")

metadata = importlib.import_module(f"services.{service}.storage.tables").metadata


def database() -> Database:
    """Return the database given by the caller (tests, `migrate`), else the one in the settings."""
    given = context.config.attributes.get("database")
    if isinstance(given, Database):
        return given
    module = importlib.import_module(f"services.{service}.settings")
    settings = load_settings(module.SETTINGS)
    return Database(settings.database(service))


def compared(name: str | None, kind: str, parents: object) -> bool:
    """Say whether Alembic compares this with the tables: not what a migration made for search on one backend alone."""
    del parents
    return not (kind in {"table", "index"} and name is not None and name.startswith("search_"))


if context.is_offline_mode():
    raise SystemExit("alembic: offline SQL is not supported; run it against a database")

chosen = database()
with chosen.engine.connect() as connection:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.commit()
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        compare_server_default=True,
        include_name=compared,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
