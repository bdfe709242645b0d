"""Server nonces: the server's own word of the time, which a client hands back in its next proof.

Spec: RFC 9449 s8, s9 and s11.3; Policy: ADR-0100

Stateless: a nonce is the second in which it was made and a MAC over it, so every process with the same keys accepts
it, and none keeps any. Not bound to a client: it says when a proof was made at the earliest, and nothing else.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import epoch, moment

_TIME_BYTES, _MAC_BYTES = 6, 16
KEY_BYTES = 32
#: What the clocks of two processes may differ by.
_LEEWAY = timedelta(seconds=30)


@dataclass(frozen=True, repr=False)
class Nonces:
    """Makes nonces with the first key, and accepts those of every key for `lifetime`."""

    keys: Sequence[bytes]
    lifetime: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        if not self.keys or any(len(key) != KEY_BYTES for key in self.keys):
            raise ValueError(f"each key must have {KEY_BYTES} bytes, and there must be one")

    def fresh(self, now: datetime) -> str:
        """Return the nonce of this second."""
        second = epoch(now).to_bytes(_TIME_BYTES)
        return base64.urlsafe_b64encode(second + _mac(self.keys[0], second)).rstrip(b"=").decode("ascii")

    def good_until(self, nonce: str, now: datetime) -> datetime | None:
        """Return until when a nonce is good; None: it is none of ours, has expired, or comes from the future."""
        try:
            raw = base64.b64decode(nonce + "=" * (-len(nonce) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        second, mac = raw[:_TIME_BYTES], raw[_TIME_BYTES:]
        if len(mac) != _MAC_BYTES or not any(hmac.compare_digest(mac, _mac(key, second)) for key in self.keys):
            return None
        made = moment(int.from_bytes(second))
        return made + self.lifetime if made - _LEEWAY <= now < made + self.lifetime else None


def parse_nonce_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys of a setting: comma-separated base64url of 32 random bytes each, the first one makes nonces.

    Raises:
        ValueError: not that. The message holds no key.
    """
    keys = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            keys.append(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError):
            raise ValueError("must be comma-separated base64url keys") from None
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"every key must be {KEY_BYTES} bytes (43 base64url characters)")
    return tuple(keys)


def _mac(key: bytes, second: bytes) -> bytes:
    return hmac.digest(key, b"dpop-nonce:" + second, "sha256")[:_MAC_BYTES]
