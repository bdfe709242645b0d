"""Where tokens and waiting sign-ins are kept: the system's keychain, or, asked for by name, a private file.

A store holds one app's state at one provider as a single document, so that it changes as a whole. Whoever changes it
holds `lock()`, which excludes other threads and other processes; reading needs no lock.
Spec: RFC 8252 s8.5, RFC 9700 s2.2.2 (refresh tokens of public clients)
"""

import contextlib
import hashlib
import json
import os
import tempfile
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import keyring.errors
from filelock import FileLock, Timeout
from keyring.backend import KeyringBackend

from mobile.authorization import PendingSignIn, Registration
from mobile.errors import ForeignStore, StoreError
from mobile.tokens import Tokens

#: A holder of the lock makes at most a few requests; past this it hangs, and the waiter says so.
_LOCK_SECONDS = 120

#: Windows' Credential Locker takes 2,560 bytes of UTF-16 an entry; tokens are longer than that.
_CHUNK = 1_200

#: Backends that write plaintext, or nothing, or only raise.
_UNPROTECTED = ("keyrings.alt", "keyring.backends.null", "keyring.backends.fail")

_SERVICE = "company-sso mobile"


@dataclass(frozen=True)
class Contents:
    """All that is kept: the tokens, if signed in, and the sign-ins that wait for their redirect, by state."""

    tokens: Tokens | None = None
    pending: dict[str, PendingSignIn] = field(default_factory=dict)


class TokenStore(ABC):
    """Keeps the `Contents` of one registration. Its subclasses keep one text."""

    def __init__(self, registration: Registration, lock_file: Path) -> None:
        self._profile = f"{registration.client_id} {registration.issuer}"
        self._lock_file = lock_file
        self._threads = threading.Lock()

    def load(self) -> Contents:
        """Return what is kept.

        Raises:
            ForeignStore: another registration's: one provider's tokens never go to another.
            StoreError: unreadable, damaged or unsafe.
        """
        text = self._read()
        if text is None:
            return Contents()
        try:
            document = json.loads(text)
            profile = document["profile"]
            tokens = Tokens.from_json(document["tokens"]) if document["tokens"] else None
            pending = {state: PendingSignIn.from_json(item) for state, item in document["pending"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError("the token store is damaged; `logout` empties it") from error
        if profile != self._profile:
            raise ForeignStore("the token store belongs to another client or issuer; choose another --store-path")
        return Contents(tokens, pending)

    def save(self, contents: Contents) -> None:
        """Keep `contents`, durably, before this returns. To be called with the lock held."""
        if contents == Contents():
            self._delete()
            return
        tokens = contents.tokens.to_json() if contents.tokens else None
        pending = {state: item.to_json() for state, item in contents.pending.items()}
        self._write(json.dumps({"profile": self._profile, "tokens": tokens, "pending": pending}))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Exclude every other user of this store, in this process and in others, for the block."""
        _private_directory(self._lock_file.parent)
        lock = FileLock(self._lock_file, timeout=_LOCK_SECONDS, mode=0o600)
        with self._threads:  # threads hand over at once; the file lock is polled
            try:
                lock.acquire()
            except Timeout as error:
                raise StoreError("another process holds the token store and does not let go") from error
            except OSError as error:
                raise StoreError(f"the token store cannot be locked: {error.strerror}") from error
            try:
                yield
            finally:
                lock.release()

    @abstractmethod
    def _read(self) -> str | None: ...

    @abstractmethod
    def _write(self, text: str) -> None: ...

    @abstractmethod
    def _delete(self) -> None: ...


class FileStore(TokenStore):
    """A file that only its owner can read (0600), for CI and for machines without a keychain."""

    def __init__(self, registration: Registration, path: Path) -> None:
        super().__init__(registration, path.with_name(f"{path.name}.lock"))
        self._path = path

    def _read(self) -> str | None:
        try:
            with self._path.open(encoding="utf-8") as file:
                if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                    raise StoreError(f"{self._path} can be read by others: chmod 600 it, or sign in anew")
                return file.read()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"{self._path} cannot be read ({type(error).__name__})") from error

    def _write(self, text: str) -> None:
        """Replace the file as a whole: a crash at any moment leaves the old text or the new one."""
        try:
            _private_directory(self._path.parent)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")  # made 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync_directory(self._path.parent)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be written: {error.strerror}") from error

    def _delete(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
            _sync_directory(self._path.parent)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be removed: {error.strerror}") from error


class KeyringStore(TokenStore):
    """macOS Keychain, Windows Credential Locker or the Secret Service, through `keyring`.

    The text lies in numbered chunks under a random name; one head entry names them. So a change is whole: it has
    happened when the head is written, and not before.
    """

    def __init__(self, registration: Registration, directory: Path, backend: KeyringBackend | None = None) -> None:
        digest = hashlib.sha256(f"{registration.client_id} {registration.issuer}".encode()).hexdigest()[:16]
        super().__init__(registration, directory / f"keyring-{digest}.lock")
        self._backend = trusted_backend(keyring.get_keyring() if backend is None else backend)

    def _read(self) -> str | None:
        with _keychain_errors():
            chunks = [self._backend.get_password(_SERVICE, name) for name in self._chunk_names()]
        if not chunks:
            return None
        return "".join(chunk or "" for chunk in chunks)  # a missing one leaves no JSON, which `load` reports

    def _write(self, text: str) -> None:
        with _keychain_errors():
            old = self._chunk_names()
            prefix = f"{self._profile} {os.urandom(4).hex()}"
            chunks = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
            for index, chunk in enumerate(chunks):
                self._backend.set_password(_SERVICE, f"{prefix} {index}", chunk)
            self._backend.set_password(_SERVICE, self._profile, json.dumps([prefix, len(chunks)]))
            self._forget(old)

    def _delete(self) -> None:
        with _keychain_errors():
            old = self._chunk_names()
            self._forget([self._profile, *old])

    def _chunk_names(self) -> list[str]:
        head = self._backend.get_password(_SERVICE, self._profile)
        try:
            prefix, count = json.loads(head or '["", 0]')
            return [f"{prefix} {index}" for index in range(count)]
        except (ValueError, TypeError):
            return []

    def _forget(self, names: list[str]) -> None:
        for name in names:
            with contextlib.suppress(keyring.errors.PasswordDeleteError):  # not there: what was wanted
                self._backend.delete_password(_SERVICE, name)


def trusted_backend(backend: KeyringBackend) -> KeyringBackend:
    """Return the backend to use: of a chain, the first that really protects.

    Raises:
        StoreError: there is only plaintext (keyrings.alt), nothing (null) or no keychain at all (fail).
    """
    chain: list[KeyringBackend] = list(getattr(backend, "backends", None) or [backend])
    for candidate in chain:
        homes = {kind.__module__ for kind in type(candidate).__mro__}
        if not any(home.startswith(_UNPROTECTED) for home in homes):
            return candidate
    raise StoreError(
        "this machine has no keychain that protects tokens (found only plaintext, null or none); "
        "set one up, or accept a private file with --store file"
    )


@contextlib.contextmanager
def _keychain_errors() -> Iterator[None]:
    try:
        yield
    except keyring.errors.KeyringError as error:
        raise StoreError(f"the keychain refused ({type(error).__name__}): is it locked?") from error


def _private_directory(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{directory} cannot be made: {error.strerror}") from error


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # a directory cannot be opened there, nor need it be
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
