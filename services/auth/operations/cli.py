"""python -m services.auth: serve, apply, doctor, and an operator's commands (`commands`).

What a command needs is imported when it is given: `serve` waits for none of it.
"""

from collections.abc import Sequence

from services.auth.app import create_app
from services.auth.settings import AuthSettings
from shared.command_line import Commands, Subparsers, ToApply


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return Commands(
        "auth", AuthSettings, create_app, _apply, _doctor, _add_commands, prunes=True, names_issuer=True
    ).run(arguments)


def _doctor() -> int:
    from services.auth.operations import doctor  # noqa: PLC0415 - as above

    return doctor.run()


def _apply(settings: AuthSettings, asked: ToApply) -> Sequence[str]:
    from services.auth.operations.apply import apply  # noqa: PLC0415 - as above

    return apply(settings, asked)


def _add_commands(commands: Subparsers) -> None:
    from services.auth.operations.commands import add_commands  # noqa: PLC0415 - as above

    add_commands(commands)
