"""What the demo prints: numbered steps, decoded tokens, checks. Never a whole token, code or state."""

import hashlib
import json
import sys
import textwrap
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt

_WIDTH = 116
_SECRETS = frozenset({"code", "state", "nonce", "code_challenge"})


class Unexpected(Exception):
    """Something did not come out as the story has it."""


class Narrator:
    """Tells the story on standard output; bold titles on a terminal, plain text elsewhere."""

    def __init__(self) -> None:
        self.step = "the start"
        self._number = 0

    def begin(self, title: str) -> None:
        """Begin the next step."""
        self._number += 1
        self.step = f"{self._number}. {title}"
        bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
        print(f"\n{bold}{self.step}{plain}\n{'-' * len(self.step)}", flush=True)

    def say(self, text: str) -> None:
        """Print prose."""
        print(_filled(text, "  ", "  "), flush=True)

    def expect(self, outcome: bool, text: str) -> None:
        """Print what was to be seen, checked.

        Raises:
            Unexpected: it was not.
        """
        if not outcome:
            raise Unexpected(text)
        print(_filled(text, "  ok  ", "      "), flush=True)

    def show(self, label: str, document: Any) -> None:
        """Print a JSON document under a label."""
        print(f"  {label}")
        for line in json.dumps(document, indent=2, ensure_ascii=False).splitlines():
            print(f"    {line}" if len(line) < _WIDTH - 4 else f"    {line[: _WIDTH - 8]} ...")

    def show_url(self, label: str, url: str) -> None:
        """Print a URL, one parameter a line, one-time values shortened."""
        parts = urlsplit(url)
        print(f"  {label}\n    {parts.scheme}://{parts.netloc}{parts.path}")
        for index, (name, value) in enumerate(parse_qsl(parts.query)):
            print(f"      {'&' if index else '?'} {name} = {value[:6] + '...' if name in _SECRETS else value}")

    def show_jwt(self, label: str, token: str) -> None:
        """Print a JWT's header and claims, and of its signature nothing."""
        self.show(f"{label}, header:", jwt.get_unverified_header(token))
        self.show(f"{label}, claims:", jwt.decode(token, options={"verify_signature": False}))


def _filled(text: str, first: str, following: str) -> str:
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_on_hyphens=False,
        break_long_words=False,
    )


def fingerprint(token: str | None) -> str:
    """Return enough to tell two tokens apart, and too little to use one."""
    return f"sha256:{hashlib.sha256((token or '').encode()).hexdigest()[:12]}"
