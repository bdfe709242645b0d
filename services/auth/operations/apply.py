"""apply FILE: users, clients and APIs as a file says."""

from collections.abc import Sequence

from services.auth.app import encryption_keys
from services.auth.audit import AuditEvent
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.entries import ApiEntry
from services.auth.provisioning.parse import parse_configuration
from services.auth.settings import AuthSettings
from services.auth.storage import stores_on
from services.auth.storage.configuration import SqlConfigurationStore
from shared.command_line import ToApply
from shared.config_file import line_numbers, load_config
from shared.database import Database


def apply(settings: AuthSettings, asked: ToApply) -> list[str]:
    """Bring the database to what the file says; the whole file is checked first, and all of it happens or nothing."""
    keys, now = encryption_keys(settings), settings.clock().now()
    database = Database(settings.database("auth"))
    try:
        with database.unit_of_work() as connection:
            store = SqlConfigurationStore(connection)
            present = [ApiEntry(identifier=identifier, **api) for identifier, api in store.apis().items()]
            configuration = parse_configuration(
                load_config(asked.file, known=_addresses(present)),
                local=settings.local,
                lines=line_numbers(asked.file),
                present=[] if asked.prune else present,
            )
            changes = apply_configuration(
                store,
                configuration,
                keys=keys,
                write=asked.write,
                now=now,
                prune=asked.prune,
                confirmed=asked.confirmed,
                issuer=settings.issuer if "issuer" in settings.model_fields_set else None,
            )
            if changes and asked.write:
                event = AuditEvent("configuration_applied", now, details={"changes": changes})
                stores_on(connection).audit.record(event)
    finally:
        database.dispose()
    return changes


def _addresses(present: Sequence[ApiEntry]) -> dict[str, str]:
    """Return the identifiers that the database holds, by the variable that names each: a file's default is not meant
    where a stack already runs elsewhere.
    """
    return {f"{api.name.upper()}_AUDIENCE": api.identifier for api in present}
