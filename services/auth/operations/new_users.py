"""`users create`: how users come in.

Policy: ADR-0090. A password or its hash is read from standard input, never taken as an argument: others see those.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from uuid_utils.compat import uuid7

from services.auth.accounts.email_address import EmailAddress, parse_email_address
from services.auth.accounts.password import hash_password, is_password_hash, is_too_long
from services.auth.accounts.people import NewUser
from services.auth.accounts.person_name import parse_display_name, parse_username
from services.auth.operations.opened import opened
from services.auth.provisioning.people import create_user
from services.auth.settings import AuthSettings
from shared.command_line import Subparsers
from shared.errors import InvalidInput


def add_commands(group: Subparsers) -> None:
    """Add the commands to the group `users`."""
    creating = group.add_parser("create", help="make a user; without a password they are invited, not active")
    creating.add_argument("user", help="user name")
    add_members(creating)
    creating.add_argument("--email-verified", action="store_true", help="the address is known to be this user's")
    secret = creating.add_mutually_exclusive_group()
    secret.add_argument("--password-stdin", action="store_true", help="read the password, one line of standard input")
    secret.add_argument("--password-hash-stdin", action="store_true", help="read an Argon2id hash, in PHC form")
    creating.set_defaults(act=create)


def add_members(parser: ArgumentParser) -> None:
    """Add what a new user is given."""
    parser.add_argument("--email", help="e-mail address")
    parser.add_argument("--name", help="the name by which the person is called")
    parser.add_argument("--team")
    parser.add_argument("--role", action="append", default=[], help="may be given several times")


def create(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Make a user, and return their subject."""
    password_hash = _password_hash(given)
    user = new_user(settings, given, username=given.user, password_hash=password_hash)
    with opened(settings) as database, database.transaction() as stores:
        create_user(stores, user)
    state = "active" if password_hash else "invited"
    return [f"{user.username} is {state}: {user.id}"]


def new_user(settings: AuthSettings, given: Namespace, *, username: str, password_hash: str | None = None) -> NewUser:
    """Return the user that the arguments describe.

    Raises:
        InvalidInput: one of them does not fit.
    """
    try:
        return NewUser(
            id=uuid7(),
            username=parse_username(username),
            display_name=None if given.name is None else parse_display_name(given.name),
            email=email_of(given),
            email_verified=getattr(given, "email_verified", False) and given.email is not None,
            password_hash=password_hash,
            team=None if given.team is None else _word(given.team),
            roles=tuple(dict.fromkeys(map(_word, given.role))),
            created_at=settings.clock().now(),
        )
    except ValueError as error:
        raise InvalidInput(f"users: {error}") from error


def email_of(given: Namespace) -> EmailAddress | None:
    """Return the address that was given.

    Raises:
        ValueError: it is none.
    """
    return None if given.email is None else parse_email_address(given.email)


def _password_hash(given: Namespace) -> str | None:
    if not given.password_stdin and not given.password_hash_stdin:
        return None
    line = sys.stdin.readline().rstrip("\r\n")
    if given.password_hash_stdin:
        if not is_password_hash(line):
            raise InvalidInput("users: the hash must be Argon2id in PHC form: $argon2id$v=19$m=19456,t=2,p=1$...")
        return line
    if len(line) < 8 or is_too_long(line):
        raise InvalidInput("users: a password has at least 8 characters and at most 1024")
    return hash_password(line)


def _word(text: str) -> str:
    """Return the name of a team or role.

    Raises:
        ValueError: it is none.
    """
    if not 0 < len(text) <= 100 or not text.isprintable():
        raise ValueError("The name of a team or role has 1 to 100 visible characters.")
    return text
