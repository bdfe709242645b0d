"""Whose sign-in this is, as people see it: a name, a logo, a colour, and where they find help.

Policy: ADR-0123; Spec: WCAG 2.2 s1.4.3 (contrast)
"""

import base64
import re
from dataclasses import dataclass
from typing import Final

#: The least contrast of text, and of a button to its label.
LEAST_CONTRAST: Final = 4.5
#: What the accent is seen on: the paper of the pages by day, which is also the label of a button, and by night.
_PAPER, _PAPER_AT_NIGHT, _GROUND_AT_NIGHT = "#ffffff", "#1a2230", "#0f1520"
#: Bytes of a logo: it is a part of each page, which is 30 kB with all that it loads.
LARGEST_LOGO: Final = 6144
#: What a picture begins with. SVG is looked at more closely.
_PICTURES: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"RIFF": "image/webp", b"\xff\xd8\xff": "image/jpeg"}
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")

Rgb = tuple[int, int, int]


@dataclass(frozen=True)
class Accent:
    """One colour in its two forms, by day and by night, each with what a button shows under a pointer and a press."""

    day: tuple[str, str, str]
    night: tuple[str, str, str]

    @classmethod
    def of(cls, colour: str) -> "Accent":
        """Return the accent of a colour that passes `accent_fault`; by night a lighter one is derived from it."""
        plain = _rgb(colour)
        night = plain
        while contrast(_hex(night), _PAPER_AT_NIGHT) < 7 or contrast(_hex(night), _GROUND_AT_NIGHT) < LEAST_CONTRAST:
            night = _mixed(night, (255, 255, 255), 0.05)
        darker, lighter = (0, 0, 0), (255, 255, 255)
        return cls(
            (_hex(plain), _hex(_mixed(plain, darker, 0.13)), _hex(_mixed(plain, darker, 0.28))),
            (_hex(night), _hex(_mixed(night, lighter, 0.2)), _hex(_mixed(night, lighter, 0.42))),
        )

    def css(self) -> str:
        """Return the rules that put it in the place of the built-in one."""
        names = ("--accent", "--accent-over", "--accent-down")
        day, night = (
            "; ".join(f"{name}: {value}" for name, value in zip(names, shades, strict=True))
            for shades in (self.day, self.night)
        )
        return f"\n:root {{ {day}; }}\n@media (prefers-color-scheme: dark) {{ :root {{ {night}; }} }}\n"


@dataclass(frozen=True)
class Brand:
    """What pages and mails show. `logo`: a data: URI; `support`: an address of mail or of the web; empty: none."""

    name: str = "Company"
    logo: str = ""
    accent: Accent | None = None
    support: str = ""
    privacy: str = ""
    terms: str = ""

    @property
    def help_link(self) -> str:
        """Where somebody finds help."""
        return f"mailto:{self.support}" if "@" in self.support and "://" not in self.support else self.support


def accent_fault(colour: str) -> str | None:
    """Return why a colour cannot be the accent; None: it can."""
    if not _COLOUR.fullmatch(colour):
        return "write a colour as # and six hexadecimal digits"
    ratio = contrast(colour, _PAPER)
    if ratio >= LEAST_CONTRAST:
        return None
    better = _rgb(colour)
    while contrast(_hex(better), _PAPER) < LEAST_CONTRAST:
        better = _mixed(better, (0, 0, 0), 0.02)
    return (
        f"white text on {colour} has a contrast of {ratio:.1f}, and {LEAST_CONTRAST} is needed to be read: "
        f"take a darker colour, such as {_hex(better)}"
    )


def is_link(value: str, *, mail: bool = False) -> bool:
    """Report whether people can be led there: an https address of the web, or one of `mail`."""
    if not value.isascii() or not value.isprintable() or len(value) > 500 or set(value) & set(' "<>\\'):
        return False
    if mail and "://" not in value:
        return re.fullmatch(r"[^@:?&]+@[^@:?&]+", value) is not None
    return value.startswith("https://") and value.partition("://")[2].partition("/")[0] != ""


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def picture(content: bytes) -> str:
    """Return a picture's bytes as a data: URI; a browser runs no script of an SVG that is shown as an image.

    Raises:
        ValueError: it is too large, or no PNG, WebP, JPEG or SVG.
    """
    if len(content) > LARGEST_LOGO:
        raise ValueError(f"a logo has {LARGEST_LOGO} bytes at most, this one has {len(content)}")
    kind = next((kind for start, kind in _PICTURES.items() if content.startswith(start)), None)
    if kind is None and b"<svg" in content[:1000]:
        kind = "image/svg+xml"
    if kind is None:
        raise ValueError("a logo is a PNG, WebP, JPEG or SVG")
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def picture_of(data_uri: str) -> str:
    """Return a picture that came as a data: URI as one that we have looked at.

    Raises:
        ValueError: it is too large, no picture, or not in base64.
    """
    kind, found, encoded = data_uri.partition(";base64,")
    if not found or not kind.startswith("data:image/") or len(encoded) > 2 * LARGEST_LOGO:
        raise ValueError(f"write a picture as data:image/...;base64,... of {LARGEST_LOGO} bytes at most")
    return picture(base64.b64decode(encoded, validate=True))


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _mixed(colour: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (
        round(own + (its - own) * share) if abs(its - own) * share >= 0.5 else own + (its > own) - (its < own)
        for own, its in zip(colour, other, strict=True)
    )
    return red, green, blue


def _luminance(colour: Rgb) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (one / 255 for one in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
