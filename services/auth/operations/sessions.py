"""`sessions list USER`, `end ID`, `end-all USER`: what is signed in, and its end by an operator."""

from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from services.auth.operations.opened import opened
from services.auth.operations.users import find_user
from services.auth.revocation import end_session, end_user
from services.auth.settings import AuthSettings
from services.auth.storage.inspection import SqlInspection
from services.auth.stores import Stores
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import end_family
from shared.command_line import Subparsers, moment
from shared.errors import NotFound

_REASON = EndReason.ENDED_BY_OPERATOR


def add_commands(commands: Subparsers) -> None:
    """Add the group."""
    group = commands.add_parser("sessions", help="what is signed in").add_subparsers(dest="action", required=True)
    listing = group.add_parser("list", help="the live browser sessions and app sign-ins of a user")
    listing.add_argument("user", help="user name or subject")
    listing.set_defaults(act=list_sessions)
    ending = group.add_parser("end", help="end browser sessions, with all that they signed in, or single app sign-ins")
    ending.add_argument("id", nargs="+", type=UUID, help="as `sessions list` shows it")
    ending.set_defaults(act=end)
    everywhere = group.add_parser("end-all", help="sign a user out everywhere; they may sign in again")
    everywhere.add_argument("user", help="user name or subject")
    everywhere.set_defaults(act=end_all)


def list_sessions(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line a session and a line a family."""
    now = settings.clock().now()
    with opened(settings) as database:
        with database.autocommit() as stores:
            user = find_user(stores, given.user)
        with database.database.autocommit() as connection:
            sessions, families = SqlInspection(connection).signed_in(user.id, now)
    lines = [f"{row.id}  browser  since {moment(row.auth_time)}" for row in sessions]
    return [
        *lines,
        *(
            f"{row.id}  {row.client_id}  since {moment(row.created_at)}, last used {moment(row.rotated_at)}"
            f" from {row.last_network or 'nowhere known'}"
            for row in families
        ),
    ]


def end(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """End each, or none when one is not there."""
    now = settings.clock().now()
    with opened(settings) as database, database.transaction() as stores:
        return [line for wanted in given.id for line in _end(stores, wanted, now)]


def end_all(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """End all that a user has."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        end_user(stores, user.id, reason=_REASON, origin=None, now=settings.clock().now())
        return [f"{user.username} is signed out everywhere"]


def _end(stores: Stores, wanted: UUID, now: datetime) -> list[str]:
    session = stores.sessions.find(wanted)
    if session is not None:
        ended = end_session(stores, session, everywhere=False, native_too=True, reason=_REASON, origin=None, now=now)
        return [f"session {wanted} has ended"] if ended else []
    family = stores.families.find(wanted)
    if family is None:
        raise NotFound(f"sessions: there is no session or sign-in {wanted}")
    done = end_family(stores, family, reason=_REASON, origin=None, now=now)
    return [f"sign-in {wanted} at {family.authorization.client_id} has ended"] if done else []
