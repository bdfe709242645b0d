"""The last good key set on disk, for an API that starts while the issuer is away.

Whoever can write the file can forge tokens: it belongs in the service's own data directory. Its age counts from the
fetch that brought it, so that a restart makes no key younger.
"""

import json
import logging
from datetime import datetime
from pathlib import Path

from shared.bearer.key_set import BadKeySet, KeySet, parse_key_set
from shared.bearer.last_good import replace_file
from shared.clock import epoch, moment

_log = logging.getLogger(__name__)


class KeySetCopy:
    """One file, for the keys of one address."""

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
            content = json.loads(self._file.read_bytes())
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
