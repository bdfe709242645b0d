"""Configuration as code: one YAML file that auth, crm and orders each read their own sections of.

`${NAME}` and `${NAME:-default}` expand from the environment, in values only; a default may itself hold `${...}`. As a
setting does, NAME may also come from the file that NAME_FILE names: that is how a secret gets here.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import ConfigurationError

if TYPE_CHECKING:
    import yaml

#: Keys and numbers that lead to a value of the file.
Where = tuple[str | int, ...]

_OPENS = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-|\})")


def load_config(
    file: Path, environment: Mapping[str, str] | None = None, *, known: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the mapping that `file` holds, every string in it expanded.

    `known`: what a variable is when the environment does not say, before the file's own default.

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
    given = os.environ if environment is None else environment  # noqa: TID251
    variables = {**(known or {}), **{name: value for name, value in given.items() if value}}
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
    """Expand each variable of the file's own text, once: what a variable holds is never looked at again."""
    expanded, at = [], 0
    while found := _OPENS.search(text, at):
        end = found.end() if found[2] == "}" else _end_of_default(text, found.end())
        if end is None:
            break
        value = variables.get(found[1]) or _from_file(found[1], variables, file)
        if not value and found[2] != "}":
            value = _expand_text(text[found.end() : end - 1], variables, file)
        if value is None:
            raise ConfigurationError(f"{file}: ${{{found[1]}}} is not set and has no default")
        expanded += [text[at : found.start()], value]
        at = end
    return "".join([*expanded, text[at:]])


def _end_of_default(text: str, begin: int) -> int | None:
    """Return where the brace that closes a default is past; one in it opens and closes in pairs."""
    depth, at = 1, begin
    while at < len(text):
        if text.startswith("${", at):
            depth, at = depth + 1, at + 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return None


def line_numbers(file: Path) -> dict[Where, str]:
    """Return `file:line` of every value of a file that `load_config` has read."""
    import yaml  # noqa: PLC0415 - a service that starts reads no such file

    return dict(_numbered(yaml.compose(file.read_text(encoding="utf-8"), yaml.SafeLoader), (), file))


def _numbered(node: "yaml.Node | None", where: Where, file: Path) -> Iterator[tuple[Where, str]]:
    import yaml  # noqa: PLC0415 - as above

    if node is None:
        return
    yield where, f"{file}:{node.start_mark.line + 1}"
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*where, str(key.value)), f"{file}:{key.start_mark.line + 1}"
            for inner, line in _numbered(value, (*where, str(key.value)), file):
                if inner != (*where, str(key.value)):
                    yield inner, line
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _numbered(value, (*where, number), file)


def _from_file(name: str, variables: Mapping[str, str], file: Path) -> str | None:
    path = variables.get(f"{name}_FILE")
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigurationError(f"{file}: {name}_FILE: cannot read {path}: {reason}") from error
