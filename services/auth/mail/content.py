"""What each mail says, in the words of `gettext`: a catalogue of another language translates these texts.

Policy: ADR-0093
No mail holds a password or a code. Every link leads to the issuer's own address.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.auth.mail.outbox import MailKind

#: Translates a text; the parts in braces are filled in afterwards.
Translate = Callable[[str], str]


@dataclass(frozen=True)
class Content:
    """A mail before it has a form: paragraphs of text, and a button with its address."""

    subject: str
    paragraphs: tuple[str, ...]
    button: tuple[str, str] | None = None


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


_LINKS = {
    MailKind.INVITATION: (
        _("Your invitation to {company}"),
        _("You are invited to {company}. Your user name is {username}."),
        _("Accept the invitation"),
        _("The link is good once, for 7 days. If you expected no invitation, do nothing."),
    ),
    MailKind.RESET: (
        _("A new password for {company}"),
        _("Somebody asked for a new password for {username} at {company}. If it was you, choose one:"),
        _("Choose a new password"),
        _("The link is good once, for 30 minutes. If you did not ask for it, do nothing: nothing changes."),
    ),
}
_NOTICES = {
    MailKind.NEW_DEVICE: (
        _("A new sign-in to {company}"),
        _("Your account {username} was used to sign in from a browser that was not seen before."),
    ),
    MailKind.PASSWORD_CHANGED: (
        _("Your password at {company} was changed"),
        _("The password of your account {username} was changed, and you were signed out everywhere."),
    ),
    MailKind.FACTOR_CHANGED: (
        _("Your second step at {company} was changed"),
        _("The second step of your account {username} was changed or removed."),
    ),
    MailKind.REUSE_DETECTED: (
        _("A sign-in at {company} was ended for your safety"),
        _("An app of your account {username} used an old key, which may have been copied. It is signed out."),
    ),
    MailKind.RECOVERY_CODE_USED: (
        _("A recovery code was used at {company}"),
        _("A recovery code of your account {username} was used to sign in."),
    ),
}
_WHERE = _("When: {when} (UTC). Where from: {network}. With: {agent}.")
_NOT_YOU = _("If that was not you, choose a new password at once, and tell your administrator:")
_HELLO = _("Hello {name},")
_CHOOSE = _("Choose a new password")


def content_of(
    kind: MailKind, translate: Translate, *, values: dict[str, Any], link: str, names: dict[str, str]
) -> Content:
    """Return what a mail says. `link`: where its button leads; `names`: company, username and name."""

    def said(text: str, **more: str) -> str:
        return translate(text).format_map({**names, **more})

    if kind in _LINKS:
        subject, begins, label, ends = _LINKS[kind]
        return Content(said(subject), (said(_HELLO), said(begins), said(ends)), (said(label), link))
    subject, happened = _NOTICES[kind]
    when = datetime.fromtimestamp(values.get("at", 0), UTC).strftime("%Y-%m-%d %H:%M")
    where = {"when": when, "network": values.get("network") or "-", "agent": values.get("agent") or "-"}
    return Content(
        said(subject), (said(_HELLO), said(happened), said(_WHERE, **where), said(_NOT_YOU)), (said(_CHOOSE), link)
    )
