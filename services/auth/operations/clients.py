"""`clients list`, `show`, `disable`, `enable`, `rotate-secret`, `drop-old-secrets`: the applications.

Policy: ADR-0019; the steps in words: docs/runbooks/client-secrets.md
"""

import json
from argparse import Namespace
from collections.abc import Sequence

from services.auth.clients.client import Client
from services.auth.operations.opened import opened
from services.auth.provisioning.client_secrets import drop_old_secrets, rotate_secret
from services.auth.revocation import set_enabled
from services.auth.settings import AuthSettings
from services.auth.stores import Stores
from shared.command_line import Subparsers, moment
from shared.errors import NotFound


def add_commands(commands: Subparsers) -> None:
    """Add the group."""
    group = commands.add_parser("clients", help="the applications").add_subparsers(dest="action", required=True)
    disabling = group.add_parser("disable", help="end all that was granted to a client, and refuse it from now on")
    enabling = group.add_parser("enable", help="let a client be used again; nothing from before comes back")
    for parser, act in ((disabling, disable), (enabling, enable)):
        parser.add_argument("client_id")
        parser.set_defaults(act=act)
    group.add_parser("list", help="every client and how it authenticates").set_defaults(act=list_clients)
    showing = group.add_parser("show", help="a client's metadata, and since when its secrets are good")
    rotating = group.add_parser("rotate-secret", help="print a new secret, this once; the one before stays good")
    dropping = group.add_parser("drop-old-secrets", help="leave the newest secret alone good")
    for parser, act in ((showing, show), (rotating, rotate), (dropping, drop_old)):
        parser.add_argument("client_id")
        parser.set_defaults(act=act)


def list_clients(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line a client."""
    del given
    with opened(settings) as database, database.autocommit() as stores:
        return [
            f"{one.client_id:<24} {one.metadata['token_endpoint_auth_method']:<20} {len(one.secrets_since)} secrets"
            f"  {'disabled' if one.disabled_at else 'enabled'}"
            for one in stores.client_secrets.summaries()
        ]


def show(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a client's metadata, and since when each secret has been good; never a secret or its digest."""
    with opened(settings) as database, database.autocommit() as stores:
        client = find_client(stores, given.client_id)
        (found,) = stores.client_secrets.summaries(client.client_id)
    lines = json.dumps({"client_id": found.client_id, **found.metadata}, indent=2).splitlines()
    lines += [f"secret since {moment(since)}" for since in found.secrets_since]
    return [*lines, *([f"disabled since {moment(found.disabled_at)}"] if found.disabled_at else [])]


def rotate(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Give a client a new secret, and return it for this once."""
    with opened(settings) as database, database.transaction() as stores:
        client = find_client(stores, given.client_id)
        return [rotate_secret(stores, client.client_id, settings.clock().now())]


def drop_old(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Leave a client's newest secret alone good."""
    with opened(settings) as database, database.transaction() as stores:
        client = find_client(stores, given.client_id)
        dropped = drop_old_secrets(stores, client.client_id, settings.clock().now())
        return (
            [f"{client.client_id}: {dropped} dropped, and the tokens it got for itself have ended"] if dropped else []
        )


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
        done = set_enabled(stores, client.client_id, enabled=False, origin=None, now=settings.clock().now())
        return [f"{client.client_id} is disabled; all its sign-ins have ended"] if done else []


def enable(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Let a client be used again."""
    with opened(settings) as database, database.transaction() as stores:
        client = find_client(stores, given.client_id)
        done = set_enabled(stores, client.client_id, enabled=True, origin=None, now=settings.clock().now())
        return [f"{client.client_id} is enabled"] if done else []
