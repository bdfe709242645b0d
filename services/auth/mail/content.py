"""What each mail says, in the language that is spoken to whom it is for.

Policy: ADR-0093, ADR-0122
No mail holds a password or a code. Every link leads to the issuer's own address.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.auth.language import gettext
from services.auth.language import mark as _
from services.auth.language.formats import moment_in_words
from services.auth.mail.outbox import MailKind


@dataclass(frozen=True)
class Content:
    """A mail before it has a form: paragraphs of text, and a button with its address."""

    subject: str
    paragraphs: tuple[str, ...]
    button: tuple[str, str] | None = None


_LINKS = {
    MailKind.INVITATION: (
        _("Your invitation to %(company)s"),
        _("You are invited to %(company)s. Your user name is %(username)s."),
        _("Accept the invitation"),
        _("The link is good once, for 7 days. If you expected no invitation, do nothing."),
    ),
    MailKind.RESET: (
        _("A new password for %(company)s"),
        _("Somebody asked for a new password for %(username)s at %(company)s. If it was you, choose one:"),
        _("Choose a new password"),
        _("The link is good once, for 30 minutes. If you did not ask for it, do nothing: nothing changes."),
    ),
    MailKind.VERIFICATION: (
        _("Confirm your e-mail address at %(company)s"),
        _("Somebody says that this is the address of the account %(username)s at %(company)s. Was it you?"),
        _("Confirm the address"),
        _("The link is good once, for 24 hours. If you did not ask for it, do nothing: nothing changes."),
    ),
}
_NOTICES = {
    MailKind.NEW_DEVICE: (
        _("A new sign-in to %(company)s"),
        _("Your account %(username)s was used to sign in from a browser that was not seen before."),
    ),
    MailKind.PASSWORD_CHANGED: (
        _("Your password at %(company)s was changed"),
        _("The password of your account %(username)s was changed, and you were signed out everywhere."),
    ),
    MailKind.FACTOR_CHANGED: (
        _("Your second step at %(company)s was changed"),
        _("The second step of your account %(username)s was changed or removed."),
    ),
    MailKind.PASSKEY_ADDED: (
        _("A passkey was added at %(company)s"),
        _("Your account %(username)s can now be signed in to with a new passkey."),
    ),
    MailKind.PASSKEY_REMOVED: (
        _("A passkey was removed at %(company)s"),
        _("A passkey of your account %(username)s was removed, and signs nobody in any more."),
    ),
    MailKind.PASSKEY_COPIED: (
        _("A passkey at %(company)s was stopped for your safety"),
        _("A passkey of your account %(username)s may have been copied. It signs nobody in any more: remove it."),
    ),
    MailKind.REUSE_DETECTED: (
        _("A sign-in at %(company)s was ended for your safety"),
        _("An app of your account %(username)s used an old key, which may have been copied. It is signed out."),
    ),
    MailKind.ADDRESS_CHANGED: (
        _("Your e-mail address at %(company)s was changed"),
        _("The account %(username)s has another e-mail address now. This one counts no more."),
    ),
    MailKind.PHONE_LOST: (
        _("Everything at %(company)s was signed out"),
        _("Every browser and app of your account %(username)s but one was signed out, and its second steps are gone."),
    ),
    MailKind.RECOVERY_CODE_USED: (
        _("A recovery code was used at %(company)s"),
        _("A recovery code of your account %(username)s was used to sign in."),
    ),
}
_WHERE = _("When: %(when)s. Where from: %(network)s. With: %(agent)s.")
_NOT_YOU = _("If that was not you, choose a new password at once, and tell your administrator:")
_HELLO = _("Hello %(name)s,")
_CHOOSE = _("Choose a new password")


def content_of(kind: MailKind, *, values: dict[str, Any], link: str, names: dict[str, str]) -> Content:
    """Return what a mail says. `link`: where its button leads; `names`: company, username and name."""

    def said(text: str, **more: str) -> str:
        return gettext(text, **names, **more)

    if kind in _LINKS:
        subject, begins, label, ends = _LINKS[kind]
        # whoever gets a verification may be a stranger to its sender, who chose the name
        hello = () if kind is MailKind.VERIFICATION else (said(_HELLO),)
        return Content(said(subject), (*hello, said(begins), said(ends)), (said(label), link))
    subject, happened = _NOTICES[kind]
    when = moment_in_words(datetime.fromtimestamp(values.get("at", 0), UTC))
    where = {"when": when, "network": values.get("network") or "-", "agent": values.get("agent") or "-"}
    return Content(
        said(subject), (said(_HELLO), said(happened), said(_WHERE, **where), said(_NOT_YOU)), (said(_CHOOSE), link)
    )
