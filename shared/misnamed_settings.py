"""Variables that look like a setting of a service and are none: a forgotten prefix, a letter too few.

In: the names in the environment. Out: a sentence for each, with the right name; never a value.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from shared.settings import ServiceSettings, variable_names

#: Settings that have no prefix, since all three services read them.
_SHARED = ("ENVIRONMENT", "DATA_DIR", "CLOCK_FILE", "LOG_LEVEL")
_PREFIXES = ("AUTH_", "CRM_", "ORDERS_")
#: How alike a name and a setting are that are taken for each other, from 0 to 1.
_ALIKE = 0.88
#: What Kubernetes sets in every container for a Service of the name auth.
_SERVICE_LINK = re.compile(r"_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)$")


def setting_names(settings_class: type[ServiceSettings]) -> list[str]:
    """Return the variables that the service reads, without the `<NAME>_FILE` of each."""
    prefix = str(settings_class.model_config.get("env_prefix", ""))
    return [
        name.upper() if name.upper() in _SHARED else f"{prefix}{name}".upper() for name in settings_class.model_fields
    ]


def misnamed_settings(settings_class: type[ServiceSettings], environment: Iterable[str] | None = None) -> list[str]:
    """Return a sentence for each variable that looks like a setting of the service and is none.

    `environment`: the names, those of the process unless given. Names with the prefix of another service are for that
    one to tell. A name of a single word, such as PORT, may be anybody's.
    """
    prefix, known = str(settings_class.model_config.get("env_prefix", "")), setting_names(settings_class)
    others = tuple(other for other in _PREFIXES if other != prefix)
    told = []
    for given in sorted(variable_names() if environment is None else environment):
        name, bare = given.upper(), given.upper().removesuffix("_FILE")
        if name in known or bare in known or name.startswith(others) or _SERVICE_LINK.search(name):
            continue
        meant = _meant(name, bare, prefix, known)
        if meant is not None:
            told.append(f"{given} is not a setting; {meant} is")
        elif prefix and name.startswith(prefix):
            told.append(f"{given} is not a setting, see .env.example")
    return told


def _meant(name: str, bare: str, prefix: str, known: list[str]) -> str | None:
    """Return the variable that was meant; None: nobody can say."""
    ending = name.removeprefix(bare)
    if "_" in name and f"{prefix}{name}" in known:
        return f"{prefix}{name}"
    if "_" in bare and f"{prefix}{bare}" in known:
        return f"{prefix}{bare}{ending}"
    if alike := get_close_matches(bare, known, 1, _ALIKE):
        return f"{alike[0]}{ending}"
    return next(iter(get_close_matches(name, known, 1, _ALIKE)), None)
