"""Files that hold what the issuer said last, for an API that starts while the issuer is away.

A convenience: failing to write one is logged and no more. Whoever can write them can at worst bring back what the
issuer once said, or (the key set) forge tokens: they belong in the service's own data directory.
"""

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from shared.bearer.keys.jws import parse_json
from shared.bearer.keys.key_set import BadKeySet, KeySet, parse_key_set
from shared.clock import epoch, moment

_log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


def replace_file(file: Path, text: str) -> None:
    """Replace the file, whole or not at all. Never raises for the disk's sake."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(file)
    except OSError as error:
        _log.warning("%s was not written: %s", file.name, error.strerror)


async def in_thread(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a function that touches the disk; a caller that is cancelled does not end it half done."""
    work = asyncio.get_running_loop().run_in_executor(None, lambda: function(*args, **kwargs))
    return await asyncio.shield(work)


class KeySetCopy:
    """The last good key set, in one file. A restart makes no key younger: its age counts from the fetch."""

    def __init__(self, file: Path, url: str) -> None:
        self._file = file
        self._url = url

    def write(self, document: bytes, fetched_at: datetime) -> None:
        """Replace the copy, whole or not at all. Failing is logged and no more: the copy is a convenience."""
        content = {"url": self._url, "fetched_at": epoch(fetched_at), "jwks": json.loads(document)}
        replace_file(self._file, json.dumps(content))

    def read(self, now: datetime) -> tuple[KeySet, datetime] | None:
        """Return the keys and when they were fetched, None if there is no copy of this address worth reading."""
        try:
            content = parse_json(self._file.read_bytes())
            if content["url"] != self._url:
                return None
            key_set = parse_key_set(json.dumps(content["jwks"]).encode())
            fetched_at = moment(int(content["fetched_at"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, BadKeySet):
            _log.warning("the copy of the key set is damaged and was passed over")
            return None
        return None if fetched_at > now else (key_set, fetched_at)


class StatusListCopies:
    """The last good status lists, a file a shard, as the issuer signed them: to be verified anew when read."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def write(self, shard: int, token: str) -> None:
        """Replace the copy of one shard."""
        replace_file(self._file(shard), token)

    def read(self, shard: int) -> str | None:
        """Return the copy of one shard, None if there is none that can be read. Nothing in it is verified."""
        try:
            return self._file(shard).read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            _log.warning("the copy of status list %d is damaged and was passed over", shard)
            return None

    def shards(self) -> list[int]:
        """Return the numbers of the shards that have a copy, the latest first."""
        found = []
        for file in self._folder.glob(f"{self._name}.status-*.jwt"):
            number = file.stem.rpartition("-")[2]
            with contextlib.suppress(OSError):
                if number.isdecimal() and number.isascii():
                    found.append((file.stat().st_mtime, int(number)))
        return [number for _, number in sorted(found, reverse=True)]

    def _file(self, shard: int) -> Path:
        return self._folder / f"{self._name}.status-{shard}.jwt"
