"""One's own passkeys: removed, as every other factor is.

Policy: ADR-0111, ADR-0115
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.auth.accounts.passkey import Passkey
from services.auth.authorization.own.change import Changed, Changer, Over, OwnChanges, Refused, finish, hold
from services.auth.language import gettext as _
from services.auth.mail.outbox import MailKind
from services.auth.tokens.end_reason import EndReason


@dataclass(frozen=True)
class OwnPasskeys:
    """What the page removes."""

    changes: OwnChanges

    def remove(self, changer: Changer, passkey_id: UUID | None) -> Changed | Refused | Over | None:
        """Remove one, and end everything else that its user has; None: they have no such."""
        with self.changes.database.transaction() as stores:
            held = hold(stores, changer)
            if held is None:
                return Over()
            present = stores.passkeys.of_user(held.user.id)
            left = [passkey for passkey in present if passkey.id != passkey_id]
            if passkey_id is None or len(left) == len(present):
                return None
            if _demands(present) and not (held.user.has_totp or _demands(_usable(left))):
                return Refused(
                    _("This is your last second step. Add another passkey or set up an authenticator app first.")
                )
            stores.passkeys.remove(held.user.id, passkey_id)
            return finish(
                stores,
                self.changes,
                changer,
                event="passkey_removed",
                mail=MailKind.PASSKEY_REMOVED,
                ends=EndReason.SECOND_FACTOR_CHANGED,
                passkey=str(passkey_id),
            )


def _demands(passkeys: Sequence[Passkey]) -> bool:
    return any(passkey.demanded for passkey in passkeys)


def _usable(passkeys: Sequence[Passkey]) -> list[Passkey]:
    return [passkey for passkey in passkeys if passkey.copied_at is None]
