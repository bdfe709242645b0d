"""`purge`: delete what has expired and nobody needs, now; every process does so by itself as well (ADR-0077)."""

from argparse import Namespace
from collections.abc import Sequence

from services.auth.operations.opened import opened
from services.auth.settings import AuthSettings
from services.auth.storage.purge import purge_all
from shared.command_line import Subparsers


def add_commands(commands: Subparsers) -> None:
    """Add the command."""
    commands.add_parser("purge", help="delete what has expired; done by itself too").set_defaults(act=purge)


def purge(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line for each kind of row, with how many were deleted."""
    del given
    with opened(settings) as database:
        deleted = purge_all(database.database, settings, settings.clock().now())
    return [f"{kind}: {count} deleted" for kind, count in deleted.items()]
