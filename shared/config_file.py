"""Configuration as code: one YAML file that auth, crm and orders each read their own sections of.

`${NAME}` and `${NAME:-default}` expand from the environment, in values only; a default may itself hold `${...}`. As a
setting does, NAME may also come from the file that NAME_FILE names: that is how a secret gets here.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.errors import ConfigurationError

_INNERMOST = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^${}]*))?\}")


def load_config(file: Path, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the mapping that `file` holds, every string in it expanded.

    Raises:
        ConfigurationError: unreadable, not YAML, no mapping, or a variable without value and default.
    """
    import yaml  # noqa: PLC0415 - a service that starts reads no such file

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: is not YAML: {str(error).splitlines()[0]}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}: must hold a mapping at its top")
    variables = os.environ if environment is None else environment  # noqa: TID251
    expanded: dict[str, Any] = _expand(content, variables, file)
    return expanded


def _expand(value: Any, variables: Mapping[str, str], file: Path) -> Any:
    if isinstance(value, dict):
        return {key: _expand(item, variables, file) for key, item in value.items()}
    if isinstance(value, list):
        return [_expand(item, variables, file) for item in value]
    if isinstance(value, str):
        return _expand_text(value, variables, file)
    return value


def _expand_text(text: str, variables: Mapping[str, str], file: Path) -> str:
    def replace(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        found = variables.get(name) or _from_file(name, variables, file) or default
        if found is None:
            raise ConfigurationError(f"{file}: ${{{name}}} is not set and has no default")
        return found

    # the innermost first, so that a default may hold a variable; a value that holds `${` is not expanded again
    # beyond the depth that the file itself has
    for _ in range(text.count("${")):
        text = _INNERMOST.sub(replace, text)
    return text


def _from_file(name: str, variables: Mapping[str, str], file: Path) -> str | None:
    path = variables.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigurationError(f"{file}: {name}_FILE: cannot read {path}: {reason}") from error
