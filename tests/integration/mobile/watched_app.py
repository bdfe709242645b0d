"""python -m tests.integration.mobile.watched_app: the command line, telling on stdout when it first reaches the lock.

So that a test can have two processes wait for one store's lock at the same moment, without a timer.
"""

import contextlib
import sys
from collections.abc import Iterator

from mobile.cli import main
from mobile.store import FileStore

_lock = FileStore.lock


_told: list[str] = []


@contextlib.contextmanager
def watched(store: FileStore) -> Iterator[None]:
    if not _told:
        print("at the lock", flush=True)
        _told.append("at the lock")
    with _lock(store):
        yield


FileStore.lock = watched  # type: ignore[assignment] # the one seam between a process and the test that watches it
sys.exit(main())
