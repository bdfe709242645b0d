"""python -m services.auth: serve, apply, doctor, and an operator's commands (`commands`).

What `apply` brings here: users, clients and APIs.
"""

from pathlib import Path

from services.auth.app import create_app, encryption_keys
from services.auth.audit import AuditEvent
from services.auth.operations import add_commands
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.parse import parse_configuration
from services.auth.settings import AuthSettings
from services.auth.storage import stores_on
from services.auth.storage.configuration import SqlConfigurationStore
from shared.command_line import Commands
from shared.config_file import load_config
from shared.database import Database


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return Commands("auth", AuthSettings, create_app, _apply, _doctor, add_commands).run(arguments)


def _doctor() -> int:
    from services.auth.operations import doctor  # noqa: PLC0415 - it brings Alembic, which a service that starts needs not

    return doctor.run()


def _apply(settings: AuthSettings, file: Path, write: bool) -> list[str]:
    """Bring the database to what the file says; the whole file is checked first, and all of it happens or nothing."""
    configuration = parse_configuration(load_config(file), local=settings.local)
    keys, now = encryption_keys(settings), settings.clock().now()
    database = Database(settings.database("auth"))
    try:
        with database.unit_of_work() as connection:
            store = SqlConfigurationStore(connection)
            changes = apply_configuration(store, configuration, keys=keys, write=write, now=now)
            if changes and write:
                event = AuditEvent("configuration_applied", now, details={"changes": changes})
                stores_on(connection).audit.record(event)
    finally:
        database.dispose()
    return changes
