"""`purge`: delete what has expired and nobody needs. In small transactions; doing it again deletes nothing more."""

from argparse import Namespace
from collections.abc import Sequence
from datetime import timedelta

from services.auth.operations.opened import opened
from services.auth.settings import AuthSettings
from services.auth.storage.purge import BATCH, PURGES, SqlPurge
from shared.command_line import Subparsers

#: Dead families (decision 4: no index of the status list is given away earlier), and what reuse of them is seen by.
KEPT = timedelta(days=30)
#: The longest token that a client's metadata can ask for (an hour), and leeway; a proof's settings say less.
LONGEST_TOKEN = timedelta(hours=1, minutes=2)


def add_commands(commands: Subparsers) -> None:
    """Add the command."""
    commands.add_parser("purge", help="delete what has expired; for a nightly timer").set_defaults(act=purge)


def purge(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line for each kind of row, with how many were deleted."""
    del given
    now = settings.clock().now()
    longest_token = max(settings.signing_key_retired, LONGEST_TOKEN)
    deleted = dict.fromkeys(PURGES, 0)
    with opened(settings) as database:
        for kind, delete_batch in PURGES.items():
            while True:
                with database.database.unit_of_work() as connection:
                    count = delete_batch(SqlPurge(connection, now, KEPT, longest_token, settings.audit_retention))
                deleted[kind] += count
                if count < BATCH:
                    break
    return [f"{kind}: {count} deleted" for kind, count in deleted.items()]
