"""One's own authenticator app (TOTP): set up, replaced, removed.

Policy: ADR-0115, ADR-0116; Spec: NIST SP 800-63B-4 s3.1.4, OWASP ASVS 6.4.4, 6.5.1
A secret that is being set up is kept for the browser session that asked for it, sealed by its cookie: two tabs of it
show the same one, and nobody confirms another's. It counts once a code of it was given, which is used up by this.
"""

from dataclasses import dataclass

from services.auth.accounts.password_policy import ALONE
from services.auth.accounts.recovery_codes import NewCodes, mint_recovery_codes
from services.auth.accounts.totp import (
    confirming_step,
    digits_of,
    new_totp_secret,
    provisioning_uri,
    seal_totp_secret,
)
from services.auth.accounts.user import User
from services.auth.authorization.own.change import (
    KEPT,
    Changed,
    Changer,
    ChangeStores,
    Over,
    OwnChanges,
    Refused,
    finish,
    hold,
)
from services.auth.authorization.own.codes import keep_shown
from services.auth.authorization.own.password import OwnPassword
from services.auth.authorization.repeat import keep_answer, kept_answer
from services.auth.language import gettext as _
from services.auth.mail.outbox import MailKind
from services.auth.tokens.end_reason import EndReason

_PENDING = "authenticator"


@dataclass(frozen=True, repr=False)
class Enrolment:
    """What an app is given: the secret, and the same as an address for its camera."""

    secret: str
    uri: str


@dataclass(frozen=True)
class OwnAuthenticator:
    """What the page does."""

    changes: OwnChanges
    password: OwnPassword

    def enrolment(self, changer: Changer) -> Enrolment:
        """Begin to set an app up, or return what this browser has begun."""
        pending = changer.kept_as(_PENDING)
        with self.changes.database.transaction() as stores:
            kept = kept_answer(stores.step_answers, pending, changer.now)
            if kept is None:
                kept = {"secret": new_totp_secret()}
                keep_answer(stores.step_answers, pending, kept, changer.now, lifetime=KEPT)
                kept = kept_answer(stores.step_answers, pending, changer.now) or kept  # another tab was quicker
        secret = kept["secret"]
        return Enrolment(secret, provisioning_uri(secret, changer.user.username, self.changes.company))

    def confirm(self, changer: Changer, otp: str) -> Changed | Refused | Over:
        """Let the app count whose code this is; with the first one come recovery codes.

        Raises:
            Unavailable: too many passwords are being hashed at this moment.
        """
        pending, ring, user_id = changer.kept_as(_PENDING), self.changes.encryption_keys, changer.user.id
        with self.changes.database.autocommit() as stores:
            kept = kept_answer(stores.step_answers, pending, changer.now)
            has_codes = stores.recovery_codes.count(user_id) > 0
        if kept is None:
            return Over()
        step = confirming_step(kept["secret"], digits_of(otp), changer.now)
        if step is None:
            return Refused(_("The code is wrong. Enter the six digits that the app shows now."))
        codes: NewCodes | None = None if has_codes else mint_recovery_codes(ring)
        with self.changes.database.transaction() as stores:
            if hold(stores, changer) is None or not stores.step_answers.forget(pending.key):
                return Over()
            replaced = stores.totp.remove(user_id)
            sealed = seal_totp_secret(ring, user_id, kept["secret"])
            stores.totp.add(user_id, sealed, last_step=step, now=changer.now)
            changed = finish(
                stores,
                self.changes,
                changer,
                event="second_factor_replaced" if replaced else "second_factor_added",
                mail=MailKind.FACTOR_CHANGED,
                ends=EndReason.SECOND_FACTOR_CHANGED if replaced else None,
                mfa_at=changer.now,
                factor="totp",
            )
            if codes is not None:
                stores.recovery_codes.replace(user_id, codes.kept, changer.now)
                keep_shown(stores, changed.session_cookie, codes, changer.now)
        return changed

    def remove(self, changer: Changer, password: str) -> Changed | Refused | Over:
        """Remove the app; with the last second factor the recovery codes go too, and the password has to be long.

        Passkeys that were copied go with it: they demand a second factor and are none.

        `password`: asked for with the last one alone.

        Raises:
            Unavailable: as of `OwnPassword.verify`.
        """
        last = is_last(changer.user)
        if last and changer.user.password_hash is not None:
            if (refused := self.password.verify(changer, password)) is not None:
                return refused
            if not self.password.may_stand_alone(password):
                return Refused(
                    _(
                        "Your password has fewer than %(least)s characters, which is too short without a second step. "
                        "Choose a longer password first.",
                        least=ALONE,
                    )
                )
        with self.changes.database.transaction() as stores:
            held = hold(stores, changer)
            if held is None or held.user.password_hash != changer.user.password_hash:
                return Over()
            if is_last(held.user) != last or not stores.totp.remove(changer.user.id):
                return Over()
            for passkey in stores.passkeys.of_user(changer.user.id) if last else ():
                if passkey.copied_at is not None:
                    stores.passkeys.remove(changer.user.id, passkey.id)
            return self._removed(stores, changer)

    def _removed(self, stores: ChangeStores, changer: Changer) -> Changed:
        left = stores.users.find(changer.user.id)
        if left is None or not left.has_second_factor:
            stores.recovery_codes.replace(changer.user.id, [], changer.now)
        return finish(
            stores,
            self.changes,
            changer,
            event="second_factor_removed",
            mail=MailKind.FACTOR_CHANGED,
            ends=EndReason.SECOND_FACTOR_CHANGED,
            factor="totp",
        )


def is_last(user: User) -> bool:
    """Report whether the app is the only second factor that is demanded and can be given."""
    return user.has_totp and not (user.demands_passkey and user.has_passkey)
