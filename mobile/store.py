"""Where the app keeps its contents: the contract of a store, and the private file.

A store holds one app's state at one provider as a single text, so that it changes as a whole. Whoever changes it holds
`lock()`, which excludes other threads and other processes. `mobile.keychain` is the other kind of store.
Spec: RFC 8252 s8.5, RFC 9700 s2.2.2 (refresh tokens of public clients)
"""

import contextlib
import json
import os
import re
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from mobile.authorization import Registration
from mobile.contents import Contents
from mobile.errors import ForeignStore, StoreError

#: A holder of the lock makes at most a few requests. After this it hangs, and the waiter is told.
_LOCK_SECONDS = 120

#: What json.loads and reading a document of the wrong shape can raise.
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)

_KEPT_TOKEN = re.compile(r'"(?:refresh_token|token)": "([\x21\x23-\x5b\x5d-\x7e]{1,16384})"')


class TokenStore(ABC):
    """Keeps the `Contents` of one registration. Its subclasses keep one text."""

    def __init__(self, registration: Registration, lock_file: Path) -> None:
        self._profile = f"{registration.client_id} {registration.issuer}"
        self._lock_file = lock_file
        self._threads = threading.RLock()
        self._processes = FileLock(lock_file, timeout=_LOCK_SECONDS, mode=0o600)

    def load(self) -> Contents:
        """Return what is kept.

        Raises:
            ForeignStore: another registration's: one provider's tokens never go to another.
            StoreError: unreadable, damaged or unsafe; the message says what to do.
        """
        text = self._read()
        if text is None:
            return Contents()
        try:
            document = json.loads(text)
            profile = document["profile"]
            if not isinstance(profile, str):
                raise TypeError("the store names no registration")
            if profile != self._profile:
                raise ForeignStore("the token store belongs to another client or issuer; choose another --store-path")
            return Contents.from_json({"to_revoke": [], **document})
        except _DAMAGE as error:
            raise StoreError("the token store is damaged; `logout` empties it, then sign in again") from error

    def salvage(self, now: datetime) -> Contents:
        """Return the tokens that a store which `load` refuses still holds, as tokens to revoke.

        Finds them in a cut or changed text, and in a file that others can read. Returns empty contents if there are
        none, or if the text does not name this registration.

        Raises:
            StoreError: it cannot be read at all.
        """
        text = self._read_unchecked() or ""
        contents = Contents()
        if f'"profile": {json.dumps(self._profile)}' in text:
            for token in _KEPT_TOKEN.findall(text):
                contents = contents.dropping(token, now)
        return contents

    def save(self, contents: Contents) -> None:
        """Keep `contents`, durably, before this returns. To be called with the lock held."""
        if contents == Contents():
            self._delete()
        else:
            self._write(json.dumps({"profile": self._profile, **contents.to_json()}))

    @abstractmethod
    def key(self) -> str | None:
        """Return the key that tokens are bound to, None if there is none.

        Raises:
            StoreError: it cannot be read, or others can read it.
        """

    @abstractmethod
    def keep_key(self, text: str | None) -> None:
        """Keep the key, durably; None: forget it. To be called with the lock held.

        Raises:
            StoreError: it cannot be written.
        """

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude every other user of this store, in this process and in others, for the block.

        A thread that holds it may take it again.
        """
        private_directory(self._lock_file.parent)
        with self._threads:  # threads hand over at once; the file lock is polled
            try:
                self._processes.acquire()
            except Timeout as error:
                raise StoreError("another process holds the token store and does not let go; end it") from error
            except OSError as error:
                raise StoreError(
                    f"{self._lock_file} cannot be locked ({error.strerror}); choose another place with --store-path"
                ) from error
            try:
                yield
            finally:
                self._processes.release()

    @abstractmethod
    def _read(self) -> str | None: ...

    @abstractmethod
    def _read_unchecked(self) -> str | None: ...

    @abstractmethod
    def _write(self, text: str) -> None: ...

    @abstractmethod
    def _delete(self) -> None: ...


class FileStore(TokenStore):
    """A file that only its owner can read (0600), for CI and for machines without a keychain."""

    def __init__(self, registration: Registration, path: Path) -> None:
        super().__init__(registration, path.with_name(f"{path.name}.lock"))
        self._path = path
        self._key_path = path.with_name(f"{path.name}.key")

    def key(self) -> str | None:
        return self._text(self._key_path, refuse_exposed=True)

    def keep_key(self, text: str | None) -> None:
        if text is None:
            self._remove(self._key_path)
        else:
            self._replace(self._key_path, text)

    def _read(self) -> str | None:
        return self._text(self._path, refuse_exposed=True)

    def _read_unchecked(self) -> str | None:
        return self._text(self._path, refuse_exposed=False)

    def _text(self, path: Path, *, refuse_exposed: bool) -> str | None:
        try:
            with path.open(encoding="utf-8", errors="strict" if refuse_exposed else "replace") as file:
                if refuse_exposed and os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise StoreError(
                        f"{path} can be read by others: `chmod 600` it, "
                        "or end that sign-in with `logout` and sign in again"
                    )
                return file.read()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise StoreError("the token store is damaged; `logout` empties it, then sign in again") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StoreError(f"{path} cannot be read ({reason}); choose another place with --store-path") from error

    def _write(self, text: str) -> None:
        self._replace(self._path, text)

    def _delete(self) -> None:
        self._remove(self._path)

    def _replace(self, path: Path, text: str) -> None:
        """Replace a file as a whole: a crash at any moment leaves the old text or the new one."""
        try:
            private_directory(path.parent)
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync_directory(path.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error

    def _remove(self, path: Path) -> None:
        try:
            if path.exists():
                path.unlink(missing_ok=True)
                _sync_directory(path.parent)
        except OSError as error:
            raise StoreError(f"{path} cannot be removed: {error.strerror}") from error


def private_directory(directory: Path) -> None:
    """Make `directory`, for its owner alone, unless it is there.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{directory} cannot be made ({error.strerror}); choose another place with --store-path"
        ) from error


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # a directory cannot be opened there, nor need it be
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
