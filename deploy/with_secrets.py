"""python -m deploy.with_secrets FOLDER COMMAND...: runs COMMAND, for which each file NAME of FOLDER is `${NAME}`.

For the secrets that a configuration file of your own asks for (`client_secret: ${PARTNER_SECRET}`): the command is told
where they are (NAME_FILE), so that no secret is in an environment. Exit 1 refused (one line on standard error says
why), 2 wrong usage, else what the command exits with.

Policy: ADR-0010, ADR-0080
"""

import os
import re
import sys
from pathlib import Path

from shared.errors import ConfigurationError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def main(arguments: list[str]) -> int:  # noqa: RET503 - it becomes the command
    """Become the command; return only when that is refused."""
    if len(arguments) < 2:
        print("usage: python -m deploy.with_secrets FOLDER COMMAND...", file=sys.stderr)
        return 2
    folder, *command = arguments
    try:
        told = named_files(Path(folder))
    except ConfigurationError as error:
        print(f"with_secrets: {error}", file=sys.stderr)
        return 1
    os.execvp("env", ["env", *(f"{name}={path}" for name, path in told.items()), *command])  # noqa: S606, S607


def named_files(folder: Path) -> dict[str, str]:
    """Return NAME_FILE and path of each file NAME in the folder; hidden files and folders are left out.

    Raises:
        ConfigurationError: a file cannot be read, or its name is not a variable's.
    """
    told = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        if file.name.startswith(".") or file.is_dir():
            continue
        if not _NAME.fullmatch(file.name):
            raise ConfigurationError(f"{file.name}: name the file as the configuration does: NAME for ${{NAME}}")
        if not os.access(file, os.R_OK):
            raise ConfigurationError(
                f"{file.name}: cannot be read: make it readable for user {os.getuid()}, and no other"
            )
        told[f"{file.name}_FILE"] = str(file)
    return told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
