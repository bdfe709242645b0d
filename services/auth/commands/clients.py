"""`clients disable`, `enable`: which applications may be used."""

from argparse import Namespace
from collections.abc import Sequence

from services.auth.clients import Client
from services.auth.commands.opened import opened
from services.auth.ends import disable_client, enable_client
from services.auth.settings import AuthSettings
from services.auth.stores import Stores
from shared.command_line import Subparsers
from shared.errors import NotFound


def add_commands(commands: Subparsers) -> None:
    """Add the group."""
    group = commands.add_parser("clients", help="the applications").add_subparsers(dest="action", required=True)
    disabling = group.add_parser("disable", help="end all that was granted to a client, and refuse it from now on")
    enabling = group.add_parser("enable", help="let a client be used again; nothing from before comes back")
    for parser, act in ((disabling, disable), (enabling, enable)):
        parser.add_argument("client_id")
        parser.set_defaults(act=act)


def find_client(stores: Stores, client_id: str) -> Client:
    """Return the client.

    Raises:
        NotFound: there is none.
    """
    client = stores.clients.find(client_id)
    if client is None:
        raise NotFound(f"clients: there is no {client_id}")
    return client


def disable(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Disable a client and end all that was granted to it."""
    with opened(settings) as database, database.transaction() as stores:
        client = find_client(stores, given.client_id)
        done = disable_client(stores, client.client_id, origin=None, now=settings.clock().now())
        return [f"{client.client_id} is disabled; all its sign-ins have ended"] if done else []


def enable(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Let a client be used again."""
    with opened(settings) as database, database.transaction() as stores:
        client = find_client(stores, given.client_id)
        done = enable_client(stores, client.client_id, origin=None, now=settings.clock().now())
        return [f"{client.client_id} is enabled"] if done else []
