"""What the demo prints: a line a chapter, or each step with decoded tokens and checks.

Never a whole token, code or state.
"""

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
    """Tells the story on standard output; bold titles on a terminal, plain text elsewhere.

    `verbose`: each step in detail. Otherwise one line a chapter; what is expected is checked all the same.
    """

    def __init__(self, *, verbose: bool) -> None:
        self.step = "the start"
        self.verbose = verbose
        self._number = 0
        self._chapter = 0

    def begin(self, title: str) -> None:
        """Begin the next step."""
        self._number += 1
        self.step = f"{self._number}. {title}"
        bold, plain = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
        self._detail(f"\n{bold}{self.step}{plain}\n{'-' * len(self.step)}")

    def sum_up(self, chapter: str) -> None:
        """Print what a chapter has shown, unless its steps were printed."""
        self._chapter += 1
        if not self.verbose:
            print(f"{self._chapter:2}. {chapter}", flush=True)

    def say(self, text: str) -> None:
        """Print prose."""
        self._detail(_filled(text, "  ", "  "))

    def expect(self, outcome: bool, text: str) -> None:
        """Print what was to be seen, checked.

        Raises:
            Unexpected: it was not.
        """
        if not outcome:
            raise Unexpected(text)
        self._detail(_filled(text, "  ok  ", "      "))

    def show(self, label: str, document: Any) -> None:
        """Print a JSON document under a label."""
        self._detail(f"  {label}")
        for line in json.dumps(document, indent=2, ensure_ascii=False).splitlines():
            self._detail(f"    {line}" if len(line) < _WIDTH - 4 else f"    {line[: _WIDTH - 8]} ...")

    def show_url(self, label: str, url: str) -> None:
        """Print a URL, one parameter a line, one-time values shortened."""
        parts = urlsplit(url)
        self._detail(f"  {label}\n    {parts.scheme}://{parts.netloc}{parts.path}")
        for index, (name, value) in enumerate(parse_qsl(parts.query)):
            shown = f"{value[:6]}..." if name in _SECRETS else value
            self._detail(f"      {'&' if index else '?'} {name} = {shown}")

    def show_jwt(self, label: str, token: str) -> None:
        """Print a JWT's header and claims, and of its signature nothing."""
        self.show(f"{label}, header:", jwt.get_unverified_header(token))
        self.show(f"{label}, claims:", jwt.decode(token, options={"verify_signature": False}))

    def _detail(self, text: str) -> None:
        if self.verbose:
            print(text, flush=True)


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
