"""The command line of auth: `python -m services.auth serve | apply FILE [--plan] | doctor`.

Exit 0 ok, 1 refused or failed (one line on standard error says why), 2 usage.
"""

import argparse
import sys
from pathlib import Path

from services.auth import doctor
from services.auth.app import create_app, encryption_keys
from services.auth.audit import AuditEvent
from services.auth.configuration import apply_configuration, parse_configuration
from services.auth.settings import AuthSettings
from services.auth.storage import stores_on
from services.auth.storage.configuration import SqlConfigurationStore
from shared.asgi import Edge, serve
from shared.config_file import load_config
from shared.database import Database
from shared.errors import SuiteError
from shared.logs import configure_logs
from shared.settings import load_settings


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m services.auth")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve the provider until SIGTERM")
    apply = commands.add_parser("apply", help="bring users, clients and APIs to what FILE says")
    apply.add_argument("file", type=Path)
    apply.add_argument("--plan", action="store_true", help="only print what would change")
    commands.add_parser("doctor", help="look at settings, database, keys, issuer and clocks; exit 1 if one fails")
    given = parser.parse_args(arguments)
    if given.command == "doctor":  # loads the settings itself: bad ones are its first finding
        return doctor.run()
    try:
        settings = load_settings(AuthSettings)
        if given.command == "serve":
            _serve(settings)
        else:
            _apply(settings, given.file, write=not given.plan)
    except SuiteError as error:
        print(f"auth: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(settings: AuthSettings) -> None:
    configure_logs("auth", settings.log_level)
    app = Edge(create_app(settings), body_limit=65_536)
    serve(app, host=settings.host, port=settings.port, certificate=settings.tls_cert_file, key=settings.tls_key_file)


def _apply(settings: AuthSettings, file: Path, *, write: bool) -> None:
    configuration = parse_configuration(load_config(file), local=settings.local)
    database = Database(settings.database("auth"))
    with database.unit_of_work() as connection:
        changes = apply_configuration(
            SqlConfigurationStore(connection),
            configuration,
            keys=encryption_keys(settings),
            write=write,
            now=settings.clock().now(),
        )
        if changes and write:
            event = AuditEvent("configuration_applied", settings.clock().now(), details={"changes": changes})
            stores_on(connection).audit.record(event)
    database.dispose()
    for change in changes or ["nothing to do"]:
        print(change)
