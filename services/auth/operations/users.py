"""`users list`, `show`, `disable`, `enable`, `unlock`, `reset-mfa`, `delete`: who may sign in.

Policy: ADR-0090. How users come in is in `new_users`.
"""

import dataclasses
import json
from argparse import Namespace
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from services.auth.accounts.user import User, normalise_username
from services.auth.operations.opened import opened
from services.auth.provisioning.people import erase_user, reset_second_factor, unlock
from services.auth.revocation import set_enabled
from services.auth.settings import AuthSettings
from services.auth.storage.inspection import SqlInspection
from services.auth.stores import Stores
from shared.command_line import Subparsers, moment
from shared.errors import NotFound

_Act = Callable[[AuthSettings, Namespace], Sequence[str]]


def add_commands(commands: Subparsers) -> Subparsers:
    """Add the group, and return it so that others can add to it."""
    group: Subparsers = commands.add_parser("users", help="who may sign in").add_subparsers(
        dest="action", required=True
    )
    listing = group.add_parser("list", help="every user: name, subject, state")
    listing.add_argument("--json", action="store_true", help="as one JSON array")
    listing.set_defaults(act=list_users)
    acts: dict[str, tuple[_Act, str]] = {
        "show": (show, "what is known of a user; never a password or a secret"),
        "disable": (disable, "end all that a user has, everywhere, and let them sign in no more"),
        "enable": (enable, "let a user sign in again; nothing from before comes back"),
        "unlock": (unlock_user, "forget a user's failed attempts, so that they need not wait"),
        "reset-mfa": (reset_mfa, "remove a user's second factor, and end all that they have"),
        "delete": (delete, "end all that a user has, and delete what is personal; this cannot be undone"),
    }
    for name, (act, says) in acts.items():
        parser = group.add_parser(name, help=says)
        parser.add_argument("user", help="user name, verified e-mail address or subject")
        parser.set_defaults(act=act)
        if name == "show":
            parser.add_argument("--json", action="store_true", help="as one JSON object")
    return group


def find_user(stores: Stores, named: str) -> User:
    """Return the user with this subject, name or verified address.

    Raises:
        NotFound: there is none.
    """
    try:
        user = stores.users.find(UUID(named))
    except ValueError:
        user = None
    user = user or stores.users.find_for_sign_in(normalise_username(named))
    if user is None:
        raise NotFound(f"users: nobody has the name or the subject {named}")
    return user


def list_users(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line a user, by name; deleted ones are gone."""
    with opened(settings) as database, database.autocommit() as stores:
        found = stores.people.summaries()
    if given.json:
        return [json.dumps([dataclasses.asdict(each) for each in found], default=_in_json, ensure_ascii=False)]
    return [
        f"{each.username}  {each.id}  {each.state}{'' if each.state == 'active' else f' since {moment(each.since)}'}"
        for each in found
    ]


def show(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return what is known of one user, a line a member, or as JSON."""
    now = settings.clock().now()
    with opened(settings) as database:
        with database.autocommit() as stores:
            user = find_user(stores, given.user)
            recovery_codes = stores.recovery_codes.count(user.id)
        with database.database.autocommit() as connection:
            sessions, families = SqlInspection(connection).signed_in(user.id, now)
    members: dict[str, Any] = {
        "id": user.id,
        "username": user.username,
        "state": str(user.state),
        "name": user.claims.get("name"),
        "email": user.email,
        "email_verified": user.email_verified_at is not None,
        "team": user.team,
        "roles": list(user.roles),
        "password": user.password_hash is not None,
        "second_factor": "totp" if user.has_totp else "passkey" if user.demands_passkey else None,
        "passkey": user.has_passkey,
        "recovery_codes": recovery_codes,
        "disabled_at": user.disabled_at,
        "signed_out_at": user.tokens_valid_from,
        "sessions": len(sessions),
        "app_sign_ins": len(families),
    }
    if given.json:
        return [json.dumps(members, default=_in_json, ensure_ascii=False)]
    return [f"{name.replace('_', ' '):<15} {_shown(value)}" for name, value in members.items()]


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


def unlock_user(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Forget a user's failed attempts."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        done = unlock(stores, user, settings.clock().now())
        return [f"{user.username} may try again at once"] if done else []


def reset_mfa(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Remove a user's second factor."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        done = reset_second_factor(stores, user, settings.clock().now())
        return [f"{user.username} has no second factor any more; all sign-ins have ended"] if done else []


def delete(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Erase a user."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        erase_user(stores, user, settings.clock().now())
        return [f"{user.username} is deleted; all sign-ins have ended, and the audit trail knows them by a pseudonym"]


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(value) or "-"
    return "-" if value is None else str(value)


def _in_json(value: object) -> str:
    return moment(value) if isinstance(value, datetime) else str(value)
