"""What the app shows when the browser is on another machine, and how often it may ask whether somebody has answered.

Spec: RFC 8628 s3.2 and s3.5
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mobile.errors import ProviderError
from mobile.network import safe_for_tokens

#: Seconds between two questions where the provider names none, and what each `slow_down` adds (RFC 8628 s3.5).
_INTERVAL = 5
_LONGEST_INTERVAL = 60
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_PRINTABLE = re.compile(r"[\x20-\x7e]{1,2000}")


@dataclass
class DevicePrompt:
    """A sign-in that waits for somebody at `address`, who types `user_code` there. `complete`: an address with both."""

    user_code: str
    address: str
    complete: str
    expires_at: datetime
    device_code: str = field(repr=False)
    interval: timedelta = timedelta(seconds=_INTERVAL)

    def slow_down(self) -> None:
        """Ask less often from now on."""
        self.interval += timedelta(seconds=_INTERVAL)

    @classmethod
    def read(cls, document: dict[str, Any], now: datetime) -> "DevicePrompt":
        """Read the provider's answer.

        Raises:
            ProviderError: a member is missing, cannot be shown, or leads to where no person should be sent.
        """
        texts = [document.get(name) for name in ("user_code", "verification_uri", "device_code")]
        user_code, address, device_code = (text if isinstance(text, str) else "" for text in texts)
        complete = document.get("verification_uri_complete", address)
        shown = (user_code, address, complete, device_code)
        if not all(isinstance(text, str) and _PRINTABLE.fullmatch(text) for text in shown):
            raise ProviderError("the provider's answer for a device cannot be used")
        if not safe_for_tokens(address) or not safe_for_tokens(complete):
            raise ProviderError("the provider's address for a device is not https")
        return cls(
            user_code=user_code,
            address=address,
            complete=complete,
            device_code=device_code,
            expires_at=now + _seconds(document.get("expires_in"), 300, 3600),
            interval=_seconds(document.get("interval"), _INTERVAL, _LONGEST_INTERVAL),
        )


def _seconds(value: object, default: int, most: int) -> timedelta:
    given = value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else default
    return timedelta(seconds=min(given, most))
