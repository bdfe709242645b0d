"""The system's keychain as a store: macOS Keychain, Windows Credential Locker, Secret Service.

A keychain has no transactions, and an entry is short. So the text is cut into numbered chunks in one of two slots, A
and B, and a head entry names the slot that counts. A change is written into the other slot and happens when the head
is replaced; killed before, the old text counts. Readers hold the lock, or a writer would take their chunks away.

In each slot the entries 0..n are without a gap at any moment: they are written upwards and removed downwards. So what a
killed process left is found by counting, and the next change removes it.
Policy: ADR-0053
Spec: RFC 8252 s8.5
"""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.errors
from keyring.backend import KeyringBackend

from mobile.authorization import Registration
from mobile.contents import Contents
from mobile.errors import StoreError
from mobile.store import TokenStore

#: Windows' Credential Locker takes 2,560 bytes of UTF-16 an entry; tokens are longer than that.
_CHUNK = 1_200

#: A head that names more chunks than this is damaged.
_MOST_CHUNKS = 200

#: Backends that write plaintext, or nothing, or only raise.
_UNPROTECTED = ("keyrings.alt", "keyring.backends.null", "keyring.backends.fail")

_SERVICE = "company-sso mobile"
_SLOTS = ("A", "B")

#: The head while a sign-out removes the chunks: nothing counts any more.
_EMPTYING = "empty"


class KeyringStore(TokenStore):
    """Keeps the text in the keychain, through `keyring`."""

    def __init__(self, registration: Registration, directory: Path, backend: KeyringBackend | None = None) -> None:
        digest = hashlib.sha256(f"{registration.client_id} {registration.issuer}".encode()).hexdigest()[:16]
        super().__init__(registration, directory / f"keyring-{digest}.lock")
        self._backend = protected_keychain() if backend is None else trusted_backend(backend)

    def load(self) -> Contents:
        """As `TokenStore.load`; takes the lock, since several entries are read."""
        with self.lock():
            return super().load()

    def key(self) -> str | None:
        return self._get(self._key_name)

    def keep_key(self, text: str | None) -> None:
        if text is not None:
            self._set(self._key_name, text)
        elif self._get(self._key_name) is not None:
            self._remove(self._key_name)

    @property
    def _key_name(self) -> str:
        return f"{self._profile} key"

    def _read(self) -> str | None:
        head = self._get(self._profile)
        if head is None:
            return None
        if head == _EMPTYING:  # a sign-out was killed here; it is finished now
            self._delete()
            return None
        slot, count, digest = _read_head(head)
        text = "".join(self._get(self._chunk(slot, index)) or "" for index in range(count))
        if _digest(text) != digest:
            raise _damaged()
        return text

    def _read_unchecked(self) -> str | None:
        """Return all that lies in both slots, whatever the head says."""
        with self.lock():
            return "\n".join("".join(self._chunks(slot)) for slot in _SLOTS)

    def _write(self, text: str) -> None:
        head = self._get(self._profile)
        try:
            current = None if head in {None, _EMPTYING} else _read_head(head or "")[0]
        except StoreError:
            current = None
        slot = _SLOTS[1] if current == _SLOTS[0] else _SLOTS[0]
        chunks = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
        for index, chunk in enumerate(chunks):
            self._set(self._chunk(slot, index), chunk)
        self._set(self._profile, json.dumps([slot, len(chunks), _digest(text)]))
        self._forget(slot, keep=len(chunks))
        self._forget(*(other for other in _SLOTS if other != slot))

    def _delete(self) -> None:
        if self._get(self._profile) is not None:
            self._set(self._profile, _EMPTYING)
        self._forget(*_SLOTS)
        self._remove(self._profile)

    def _forget(self, *slots: str, keep: int = 0) -> None:
        """Remove the entries of `slots` from number `keep` on, the last one first."""
        for slot in slots:
            count = sum(1 for _ in self._chunks(slot))
            for index in reversed(range(keep, count)):
                self._remove(self._chunk(slot, index))

    def _chunks(self, slot: str) -> Iterator[str]:
        index = 0
        while (chunk := self._get(self._chunk(slot, index))) is not None:
            yield chunk
            index += 1

    def _chunk(self, slot: str, index: int) -> str:
        return f"{self._profile} {slot} {index}"

    def _get(self, name: str) -> str | None:
        with _keychain_errors():
            return self._backend.get_password(_SERVICE, name)

    def _set(self, name: str, text: str) -> None:
        with _keychain_errors():
            self._backend.set_password(_SERVICE, name, text)

    def _remove(self, name: str) -> None:
        with _keychain_errors():
            try:
                self._backend.delete_password(_SERVICE, name)
            except keyring.errors.PasswordDeleteError:  # not there, which was wanted; or refused
                if self._backend.get_password(_SERVICE, name) is not None:
                    raise


def protected_keychain() -> KeyringBackend:
    """Return this machine's keychain.

    Raises:
        StoreError: it has none that protects tokens, or the configuration of `keyring` names one that fails.
    """
    try:
        backend = keyring.get_keyring()
    except Exception as error:  # whatever importing somebody's backend raises
        raise StoreError(
            f"the configured keychain cannot be used ({type(error).__name__}): "
            "mend PYTHON_KEYRING_BACKEND or keyringrc.cfg, or accept a private file with --store file"
        ) from error
    return trusted_backend(backend)


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


def _read_head(head: str) -> tuple[str, int, str]:
    try:
        slot, count, digest = json.loads(head)
    except (ValueError, TypeError, RecursionError) as error:
        raise _damaged() from error
    if slot not in _SLOTS or not isinstance(count, int) or not 0 < count <= _MOST_CHUNKS:
        raise _damaged()
    return slot, count, digest


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _damaged() -> StoreError:
    return StoreError("the entries in the keychain are damaged; `logout` empties them, then sign in again")


@contextlib.contextmanager
def _keychain_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # backends raise what their system gives them: D-Bus, ctypes, COM errors
        raise StoreError(
            f"the keychain refused ({type(error).__name__}): unlock it, or accept a private file with --store file"
        ) from error
