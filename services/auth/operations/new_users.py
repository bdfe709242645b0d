"""`users create`, `invite`, `reset-password`: how users come in, and back in.

Policy: ADR-0090, ADR-0091
A password or its hash is read from standard input, never taken as an argument: others see those.
"""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace

from uuid_utils.compat import uuid7

from services.auth.accounts.email_address import EmailAddress, parse_email_address
from services.auth.accounts.one_time_link import LinkKind, link_address
from services.auth.accounts.password import hash_password, is_password_hash, is_too_long
from services.auth.accounts.people import NewUser
from services.auth.accounts.person_name import parse_display_name, parse_username
from services.auth.accounts.sealed_password import seal_hash
from services.auth.accounts.user import ADMIN, UserState
from services.auth.app import encryption_keys
from services.auth.operations.opened import opened
from services.auth.operations.users import find_user
from services.auth.provisioning.people import create_user, invite_user, offer_reset
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
    inviting = group.add_parser("invite", help="print a link for a user, made if need be, to come in by; 7 days")
    inviting.add_argument("user", nargs="?", help="user name; with --admin it may be left out: admin")
    add_members(inviting)
    inviting.add_argument("--admin", action="store_true", help="with the role admin")
    inviting.add_argument("--first", action="store_true", help="with --admin: only if no administrator was ever in")
    inviting.add_argument("--print-link", action="store_true", help="print the link though a mail server is set")
    inviting.set_defaults(act=invite)
    resetting = group.add_parser("reset-password", help="print a link by which a user chooses a password; 30 minutes")
    resetting.add_argument("user", help="user name, verified e-mail address or subject")
    resetting.set_defaults(act=reset_password)


def add_members(parser: ArgumentParser) -> None:
    """Add what a new user is given."""
    parser.add_argument("--email", help="e-mail address")
    parser.add_argument("--name", help="the name by which the person is called")
    parser.add_argument("--team")
    parser.add_argument("--role", action="append", default=[], help="may be given several times")


def create(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Make a user, and return their subject."""
    password_hash = _password_hash(given)
    user = new_user(settings, given, username=given.user)
    if password_hash is not None:
        user = replace(user, password_hash=seal_hash(encryption_keys(settings), user.id, password_hash))
    with opened(settings) as database, database.transaction() as stores:
        create_user(stores, user)
    state = "active" if password_hash else "invited"
    return [f"{user.username} is {state}: {user.id}"]


def invite(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Make the user unless they are invited already, and return the link."""
    if given.user is None and not given.admin:
        raise InvalidInput("users: who is to be invited? Name a user, or give --admin")
    if given.first and not given.admin:
        raise InvalidInput("users: --first goes with --admin")
    if given.admin and ADMIN not in given.role:
        given.role = [*given.role, ADMIN]
    described = new_user(settings, given, username=given.user or ADMIN)
    with opened(settings) as database, database.transaction() as stores:
        if given.first and stores.people.was_ever_in(ADMIN):
            return []
        known = stores.users.find_by_username(described.username)
        if given.first and known is not None and known.state is not UserState.INVITED:
            # an operator's affair, for which no service must stay down
            return [f"{known.username} is {known.state} without the role {ADMIN}: invite another name by hand"]
        has_address = described.email is not None or (known is not None and known.email is not None)
        by_mail = bool(settings.smtp_host) and has_address and not given.print_link and not given.first
        token = invite_user(stores, described, by_mail=by_mail)
    if token is None:
        return [f"{described.username} is invited; a mail is on its way"]
    return [
        f"{described.username} is invited. This link is good once, for 7 days:",
        link_address(settings.issuer, LinkKind.INVITATION, token),
    ]


def reset_password(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a link; until it is used the password that there is stays good."""
    with opened(settings) as database, database.transaction() as stores:
        user = find_user(stores, given.user)
        token = offer_reset(stores, user, settings.clock().now())
    return [
        f"{user.username} may choose a new password. This link is good once, for 30 minutes:",
        link_address(settings.issuer, LinkKind.RESET, token),
    ]


def new_user(settings: AuthSettings, given: Namespace, *, username: str) -> NewUser:
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
            password_hash=None,
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
