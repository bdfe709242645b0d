"""`users list`, `disable`, `enable`: who may sign in."""

from argparse import Namespace
from collections.abc import Sequence
from uuid import UUID

from services.auth.accounts.user import User, normalise_username
from services.auth.operations.opened import opened
from services.auth.revocation import set_enabled
from services.auth.settings import AuthSettings
from services.auth.storage.inspection import SqlInspection
from services.auth.stores import Stores
from shared.command_line import Subparsers, moment
from shared.errors import NotFound


def add_commands(commands: Subparsers) -> None:
    """Add the group."""
    group = commands.add_parser("users", help="who may sign in").add_subparsers(dest="action", required=True)
    group.add_parser("list", help="every user: name, subject, state").set_defaults(act=list_users)
    disabling = group.add_parser("disable", help="end all that a user has, everywhere, and let them sign in no more")
    enabling = group.add_parser("enable", help="let a user sign in again; nothing from before comes back")
    for parser, act in ((disabling, disable), (enabling, enable)):
        parser.add_argument("user", help="user name or subject")
        parser.set_defaults(act=act)


def find_user(stores: Stores, named: str) -> User:
    """Return the user with this subject or name.

    Raises:
        NotFound: there is none.
    """
    try:
        user = stores.users.find(UUID(named))
    except ValueError:
        user = None
    user = user or stores.users.find_by_username(normalise_username(named))
    if user is None:
        raise NotFound(f"users: nobody has the name or the subject {named}")
    return user


def list_users(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line a user, by name."""
    del given
    with opened(settings) as database, database.database.autocommit() as connection:
        return [
            f"{username}  {user_id}  {'enabled' if disabled_at is None else f'disabled since {moment(disabled_at)}'}"
            for username, user_id, disabled_at in SqlInspection(connection).users()
        ]


def disable(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Disable a user and end all they have."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        done = set_enabled(stores, user.id, enabled=False, origin=None, now=settings.clock().now())
        return [f"{user.username} is disabled; all sign-ins have ended"] if done else []


def enable(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Let a user sign in again."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        done = set_enabled(stores, user.id, enabled=True, origin=None, now=settings.clock().now())
        return [f"{user.username} is enabled and may sign in again"] if done else []
