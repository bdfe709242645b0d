"""What the pages look like: the brand, and the one stylesheet that they load.

Policy: ADR-0123
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from services.auth.brand import Brand

STATIC = Path(__file__).parents[2] / "static"
#: Where the stylesheet is served, which is the file of that name and the accent of the brand.
STYLE = "/static/style.css"


def versioned(path: str, content: bytes) -> str:
    """Return an address that changes with its content: no page meets the style of another one."""
    return f"{path}?v={hashlib.sha256(content).hexdigest()[:12]}"


@dataclass(frozen=True)
class Appearance:
    """Of one process, from its settings."""

    brand: Brand

    @cached_property
    def stylesheet(self) -> bytes:
        """The built-in one, then the colours of the brand."""
        accent = self.brand.accent
        return (STATIC / "style.css").read_bytes() + (accent.css().encode() if accent else b"")

    @cached_property
    def style(self) -> str:
        """The address of the stylesheet."""
        return versioned(STYLE, self.stylesheet)


PLAIN = Appearance(Brand())
