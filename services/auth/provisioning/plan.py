"""What applying a configuration changes, as an operator reads it: verb, noun, id, and the fields, never a value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """One change. `breaks`: what stops working by it, so that nobody makes it unseen."""

    verb: str
    noun: str
    name: str
    fields: Sequence[str] = ()
    breaks: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.noun} {self.name}" + (f": {', '.join(self.fields)}" if self.fields else "")


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return the names of the members that are not the same in both, in order."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
