"""The end of every second factor of a user: for an operator who resets them, and for whoever has lost a phone.

Policy: ADR-0114, ADR-0119
"""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from services.auth.accounts.passkey import Passkeys
from services.auth.accounts.recovery_codes import RecoveryCodes
from services.auth.accounts.totp import TotpCredentials


class FactorStores(Protocol):
    """What is forgotten."""

    @property
    def passkeys(self) -> Passkeys: ...
    @property
    def totp(self) -> TotpCredentials: ...
    @property
    def recovery_codes(self) -> RecoveryCodes: ...


def forget_second_factors(stores: FactorStores, user_id: UUID, now: datetime, *, passkeys_too: bool = True) -> bool:
    """Remove second factors, passkeys and recovery codes, in the caller's transaction; False when there are none.

    `passkeys_too`: not for somebody who has no password, whom it would lock out.
    """
    had_codes = stores.recovery_codes.count(user_id) > 0
    removed = (stores.totp.remove(user_id), passkeys_too and stores.passkeys.remove_all(user_id), had_codes)
    if not any(removed):
        return False
    stores.recovery_codes.replace(user_id, [], now)
    return True
