"""The commands of an operator, one module a group: audit, keys, users, clients, sessions, purge.

Each changes what it changes in one transaction, through `ends` where something ends, and returns the lines to print.
"""

from services.auth.operations import audit, clients, keys, new_users, purge, sessions, users
from shared.command_line import Subparsers


def add_commands(commands: Subparsers) -> None:
    """Add every group to the command line."""
    for group in (audit, clients, keys, purge, sessions):
        group.add_commands(commands)
    new_users.add_commands(users.add_commands(commands))
