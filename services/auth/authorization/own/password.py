"""One's own password: given again, and changed.

Policy: ADR-0115, ADR-0092; Spec: NIST SP 800-63B-4 s3.1.1.2, OWASP ASVS 6.2.3
"""

import math
import unicodedata
from dataclasses import dataclass

from services.auth.accounts.failure_budget import Blocked, Contender, begin
from services.auth.accounts.password import ACCOUNT_SHARE, hash_password, verify_password
from services.auth.accounts.password_policy import ALONE, password_fault
from services.auth.accounts.sealed_password import open_hash, seal_hash
from services.auth.audit import Refusal, refuse
from services.auth.authorization.own.change import Changed, Changer, Over, OwnChanges, Refused, finish, hold
from services.auth.language import gettext as _
from services.auth.language.formats import wait_in_words
from services.auth.mail.outbox import MailKind
from services.auth.rate_limits.limits import Limit, RateLimits
from services.auth.tokens.end_reason import EndReason


@dataclass(frozen=True)
class OwnPassword:
    """What the page does."""

    changes: OwnChanges
    rate_limits: RateLimits

    def verify(self, changer: Changer, password: str) -> Refused | None:
        """Say what is wrong with the password that somebody gives again; None: it is theirs.

        An attempt is counted as at the sign-in, in the same budget, before it is verified.

        Raises:
            Unavailable: too many passwords are being verified, of all or of this user.
        """
        user, now, database = changer.user, changer.now, self.changes.database
        with database.autocommit() as stores:
            device = stores.devices.find(changer.devices.hashes, user.username, now)
        contender = Contender(user.username, changer.origin.network, device)
        holder = contender.budget_key.value.hex()
        if not self.rate_limits.hit(Limit.ATTEMPT, holder):
            return _too_often(10)
        with database.transaction() as stores:
            attempt = begin(stores.budgets, contender, now)
        if isinstance(attempt, Blocked):
            return _too_often(math.ceil(attempt.retry_after.total_seconds()))
        right, verified = False, False
        try:
            stored = open_hash(self.changes.encryption_keys, user.id, user.password_hash)
            right, verified = verify_password(password, stored, {holder: ACCOUNT_SHARE}), True
        finally:
            if right or not verified:
                with database.transaction() as stores:
                    attempt.give_back(stores.budgets, now)
        if right:
            return None
        refuse(Refusal.SIGN_IN_FAILED, user_id=user.id)
        return Refused(_("The current password is wrong."))

    def change(self, changer: Changer, current: str, new: str) -> Changed | Refused | Over:
        """Set another password, and end everything else that the user has. `current`: of whoever has one.

        Raises:
            Unavailable: as of `verify`.
        """
        user = changer.user
        words = (user.username, user.display_name, user.email or "", self.changes.company)
        if user.password_hash is not None and (refused := self.verify(changer, current)) is not None:
            return refused
        if sentence := password_fault(new, has_second_factor=user.has_second_factor, context=words):
            refuse(Refusal.PASSWORD_NOT_ALLOWED, user_id=user.id)
            return Refused(sentence)
        sealed = seal_hash(self.changes.encryption_keys, user.id, hash_password(new))
        with self.changes.database.transaction() as stores:
            held = hold(stores, changer)
            if held is None or held.user.password_hash != user.password_hash:
                return Over()
            if held.user.has_second_factor != user.has_second_factor:  # it was judged by
                return Over()
            stores.people.set_password(user.id, sealed, changer.now)
            return finish(
                stores,
                self.changes,
                changer,
                event="password_set",
                mail=MailKind.PASSWORD_CHANGED,
                ends=EndReason.PASSWORD_CHANGED,
            )

    @staticmethod
    def may_stand_alone(password: str) -> bool:
        """Report whether a password is long enough without a second factor."""
        return len(unicodedata.normalize("NFKC", password)) >= ALONE


def _too_often(seconds: int) -> Refused:
    refuse(Refusal.ATTEMPT_WHILE_BLOCKED)
    return Refused(_("Too many attempts. Please try again in %(wait)s.", wait=wait_in_words(max(1, seconds))))
