"""One's own recovery codes: made anew, shown once.

Policy: ADR-0114
A new set is kept, sealed by the cookie of the session that it is for, until its owner says that it is saved, for ten
minutes at most: a page that is loaded anew, or printed, still shows it.
"""

from dataclasses import dataclass
from datetime import datetime

from services.auth.accounts.recovery_codes import NewCodes, mint_recovery_codes
from services.auth.audit import AuditEvent
from services.auth.authorization.own.change import KEPT, Changer, ChangeStores, Over, OwnChanges, hold
from services.auth.authorization.repeat import keep_answer, kept_answer, submission_of
from services.auth.mail.outbox import MailKind, queue_notice

_SHOWN = "recovery codes"


@dataclass(frozen=True)
class OwnCodes:
    """What the page does."""

    changes: OwnChanges

    def make(self, changer: Changer) -> Over | None:
        """Replace the codes that the user has; None: done, and `shown` tells them.

        Raises:
            Unavailable: too many passwords are being hashed at this moment.
        """
        codes = mint_recovery_codes(self.changes.encryption_keys)
        with self.changes.database.transaction() as stores:
            held = hold(stores, changer)
            if held is None or not held.user.has_second_factor:
                return Over()
            stores.recovery_codes.replace(changer.user.id, codes.kept, changer.now)
            keep_shown(stores, changer.session_cookie, codes, changer.now)
            stores.audit.record(
                AuditEvent("recovery_codes_made", changer.now, user_id=changer.user.id, origin=changer.origin)
            )
            queue_notice(stores, changer.user, MailKind.FACTOR_CHANGED, changer.origin, changer.now)
        return None

    def shown(self, changer: Changer) -> tuple[str, ...]:
        """Return the codes that are still to be saved; none: they are, or that was too long ago."""
        with self.changes.database.autocommit() as stores:
            kept = kept_answer(stores.step_answers, changer.kept_as(_SHOWN), changer.now)
        return () if kept is None else tuple(kept["codes"])

    def saved(self, changer: Changer) -> None:
        """Forget what was shown."""
        with self.changes.database.autocommit() as stores:
            stores.step_answers.forget(changer.kept_as(_SHOWN).key)


def keep_shown(stores: ChangeStores, session_cookie: str, codes: NewCodes, now: datetime) -> None:
    """Keep a new set for the browser with this cookie, in place of one before."""
    shown = submission_of(session_cookie, _SHOWN)
    stores.step_answers.forget(shown.key)
    keep_answer(stores.step_answers, shown, {"codes": codes.shown}, now, lifetime=KEPT)
