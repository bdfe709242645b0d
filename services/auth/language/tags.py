"""Which of our languages fits what somebody asks for.

Spec: RFC 5646 (tags), RFC 4647 s3.4 (lookup), RFC 9110 s12.5.4 (Accept-Language), OpenID Connect Core s3.1.2.1
"""

import re
from collections.abc import Iterable

#: Each by its tag, under the name that its speakers give it. The first is what everybody gets who speaks none of them.
LANGUAGES = {"en": "English", "de": "Deutsch", "es": "Español", "fr": "Français", "ja": "日本語"}
DEFAULT = next(iter(LANGUAGES))

#: Characters that are read of what a stranger sends.
_READ = 500
_RANGE = re.compile(r"([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*|\*")


def best_of(tags: Iterable[str]) -> str | None:
    """Return the language of the first tag that is one of ours, whatever its region or script; None: no tag is."""
    for tag in tags:
        if (found := _RANGE.fullmatch(tag)) and (primary := (found[1] or "").lower()) in LANGUAGES:
            return primary
    return None


def of_ui_locales(value: str | None) -> str | None:
    """Return the best of a `ui_locales` parameter: tags with blanks between, the most wanted first."""
    return best_of((value or "")[:_READ].split(" "))


def of_accept_language(value: str) -> str | None:
    """Return the best of an Accept-Language header; None: it names none of our languages, or anything will do."""
    weighed = []
    for item in value[:_READ].split(","):
        tag, _, parameter = item.strip().partition(";")
        weight = _weight(parameter.strip())
        if weight > 0:
            weighed.append((-weight, tag.strip()))
    return best_of(tag for _, tag in sorted(weighed, key=lambda each: each[0]))


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    return float(value) if re.fullmatch(r"[01](\.[0-9]{0,3})?", value.strip()) else 0.0
