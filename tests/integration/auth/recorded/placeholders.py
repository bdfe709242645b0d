"""What is random in an answer becomes a stable placeholder: `<code-1>`, `<refresh-2>`; tokens are shown decoded."""

import base64
import json
import re
import zlib
from collections import Counter
from typing import Any

from tests.integration.auth.seeds import CHALLENGE

_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_OPAQUE = r"(?<![\w-])([\w-]{43})(?![\w-])"
#: The kind of a random value by where it is seen first; later it keeps its placeholder wherever it comes.
_KINDS = [
    ("refresh", re.compile(r"\b(sso_rt_[\w.-]+)")),
    ("pushed", re.compile(r"urn:ietf:params:oauth:request_uri:([\w-]{20,})")),
    ("pushed", re.compile(r"urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A([\w-]{20,})")),
    ("code", re.compile(r'(?:\bcode=|name="code" value=")' + _OPAQUE)),
    ("handle", re.compile(r'(?:\brequest=|name="request" value=")' + _OPAQUE)),
    ("csrf", re.compile(r'(?:\bcsrf=|name="csrf" value=")' + _OPAQUE)),
    ("cookie", re.compile(r"SSO_\w+=" + _OPAQUE)),
    ("request-id", re.compile(r'id="request-id">([0-9a-f]{32})<')),
    ("version", re.compile(r"\?v=([0-9a-f]{12})\b")),  # of a static file, which changes with its content
    ("tag", re.compile(r"SSO_BROWSER_([0-9a-f]{16})\b")),
    ("opaque", re.compile(_OPAQUE)),
    ("uuid", re.compile(r"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")),
]
#: Of the seeds and of these requests, the same in every run.
_KNOWN = re.compile(rf"{CHALLENGE}|0190a1b0-.*|(.)\1+")
#: Members whose values are random and have no shape of their own.
_RANDOM_MEMBERS = {"jti": "jti", "kid": "kid", "sid": "sid", "at_hash": "at_hash", "n": "modulus"}


class Placeholders:
    """One mapping, for the requests that belong together."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """Replace what is random in a text."""
        text = _JWT.sub(lambda found: self._of("jwt", found[0]), text)
        for kind, pattern in _KINDS:
            for found in pattern.finditer(text):
                if not _KNOWN.fullmatch(found[1]):
                    self._of(kind, found[1])
        for value in sorted(self._given, key=len, reverse=True):
            text = text.replace(value, self._given[value])
        return text

    def content(self, value: Any, name: str = "") -> Any:
        """Replace in a JSON value, the order of its members kept; a token becomes its header and claims."""
        if isinstance(value, dict):
            return {key: self.content(member, key) for key, member in value.items()}
        if isinstance(value, list):
            return [self.content(member, name) for member in value]
        if name == "idx":  # a place in a status list, drawn by lot
            return "<idx>"
        if not isinstance(value, str):
            return value
        if name in _RANDOM_MEMBERS:
            return self._of(_RANDOM_MEMBERS[name], value)
        if name == "lst":
            return _set_bits(value)
        return self.token(value) if _JWT.fullmatch(value) else self.text(value)

    def token(self, token: str) -> dict[str, Any]:
        """Show a JWT decoded, its signature left out."""
        header, claims = (json.loads(_decoded(part)) for part in token.split(".")[:2])
        return {"token": self._of("jwt", token), "header": self.content(header), "claims": self.content(claims)}

    def _of(self, kind: str, value: str) -> str:
        if value not in self._given:
            self._counts[kind] += 1
            self._given[value] = f"<{kind}-{self._counts[kind]}>"
        return self._given[value]


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _set_bits(lst: str) -> dict[str, Any]:
    """Return the size of a status list and how many places are set: which ones is random."""
    bits = zlib.decompress(_decoded(lst))
    return {"bits": len(bits) * 8, "set": sum(byte.bit_count() for byte in bits)}
