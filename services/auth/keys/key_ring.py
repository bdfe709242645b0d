"""A ring of symmetric keys: the first one is used, every one is still understood, so that keys can rotate.

Written in settings as comma-separated base64url of 32 random bytes each. A key's id is made from the key itself
(the first four bytes of its SHA-256), so nobody has to name keys or can name two alike.
"""

import hashlib
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.auth.opaque_token import b64url, unb64url
from shared.errors import ConfigurationError

KEY_BYTES = 32
ID_BYTES = 4


@dataclass(frozen=True, repr=False)
class KeyRing:
    """Keys by id; `current` is the id of the one in use."""

    current: bytes
    keys: Mapping[bytes, bytes]

    @classmethod
    def of(cls, *keys: bytes) -> "KeyRing":
        """Return the ring of these keys, the current one first."""
        by_id = {key_id(key): key for key in keys}
        return cls(key_id(keys[0]), by_id)

    @property
    def current_key(self) -> bytes:
        return self.keys[self.current]


def key_id(key: bytes) -> bytes:
    """Return the four bytes that name a key."""
    return hashlib.sha256(b"key-id:" + key).digest()[:ID_BYTES]


def parse_key_ring(text: str, name: str) -> KeyRing:
    """Parse the setting `name`.

    Raises:
        ConfigurationError: not one or more base64url keys of 32 bytes. The message never holds a key.
    """
    try:
        keys = [unb64url(part.strip()) for part in text.split(",")]
    except ValueError as error:
        raise ConfigurationError(f"{name}: must be comma-separated base64url keys") from error
    if any(len(key) != KEY_BYTES for key in keys):
        raise ConfigurationError(f"{name}: every key must be {KEY_BYTES} bytes (43 base64url characters)")
    return KeyRing.of(*keys)


def load_key_ring(text: str, *, name: str, local_file: Path | None) -> KeyRing:
    """Return the ring in `text`; without one, the ring in `local_file`, made there (0600) when it is missing.

    Raises:
        ConfigurationError: nothing given and no local file allowed, or unreadable.
    """
    if text:
        return parse_key_ring(text, name)
    if local_file is None:
        raise ConfigurationError(f"{name}: is not set; give it or {name}_FILE")
    try:
        if not local_file.exists():
            _create(local_file)
        return parse_key_ring(local_file.read_text(encoding="ascii").strip(), name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{name}: {local_file} cannot be used: {error}") from error


def _create(file: Path) -> None:
    """Write a new key; of two processes that do so at once, the first one's stays."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(b64url(secrets.token_bytes(KEY_BYTES)))
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
