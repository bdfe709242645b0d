"""Files of secrets: written whole or not at all, once, readable by those alone who are to read them.

Policy: ADR-0010
"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from shared.errors import ConfigurationError

#: The owner writes nothing either: a secret is replaced by removing it, never in place. The readers' group reads.
FOR_ITS_GROUP = 0o440


def made_once(file: Path, make: Callable[[], bytes], *, mode: int = FOR_ITS_GROUP) -> bytes:
    """Return what `file` holds; a file that is not there is made first, and of two makers the first one's stays.

    Raises:
        ConfigurationError: it cannot be read or written, or it is empty.
    """
    try:
        if not file.exists():
            _put(file, make(), mode, replace=False)
        content = file.read_bytes()
    except OSError as error:
        raise _unusable(file, error) from error
    if not content.strip():
        raise ConfigurationError(f"{file}: is empty; remove it, and it is made anew")
    return content


def follow(file: Path, content: bytes, *, mode: int = FOR_ITS_GROUP) -> bool:
    """Bring `file` to `content`, which is derived from what was made once; return whether it changed.

    Raises:
        ConfigurationError: it cannot be read or written.
    """
    try:
        if file.exists() and file.read_bytes() == content:
            return False
        _put(file, content, mode, replace=True)
    except OSError as error:
        raise _unusable(file, error) from error
    return True


def _unusable(file: Path, error: OSError) -> ConfigurationError:
    remedy = "this user must be able to write there (in a container: is its volume mounted, the user the image's own?)"
    return ConfigurationError(f"{file}: {error.strerror}; {remedy}")


def _put(file: Path, content: bytes, mode: int, *, replace: bool) -> None:
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if replace:
            draft.replace(file)
        elif not file.exists():
            file.hardlink_to(draft)  # unlike a rename it never takes the place of another's
    except FileExistsError:
        pass  # the other maker's stays
    finally:
        draft.unlink(missing_ok=True)
