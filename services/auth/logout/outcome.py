"""What came of a logout request, and what its pages say: what happened, and why.

Spec: OpenID Connect RP-Initiated Logout s2 and s3; Policy: ADR-0062
"""

from enum import StrEnum

from services.auth.clients.client import Client
from services.auth.language import gettext as _
from services.auth.language import mark
from services.auth.logout.rp_initiated import LogoutRequest


class Outcome(StrEnum):
    """A row keeps it."""

    STAYED = "stayed"
    SIGNED_OUT = "signed_out"
    EVERYWHERE = "everywhere"
    #: Nobody was signed in here any more.
    NOBODY = "nobody"
    #: Nor was anybody signed out elsewhere, though that was wanted: whose sign-ins were meant is not known any more.
    NOBODY_EVERYWHERE = "nobody_everywhere"


#: What was wrong with the request, by its `note`. `docs/errors.md` explains these.
_FAULTS = {
    "bad_hint": mark("You were not sent back to the application: its proof of your sign-in is not valid."),
    "unknown_client": mark("You were not sent back: the request does not say which application it comes from."),
    "unregistered_address": mark("You were not sent back: the return address is not registered for this application."),
}
_NOBODY_EVERYWHERE = mark(
    "Your sign-in here had already ended, so apps and other devices were not signed out by this."
    " To sign out everywhere, sign in again and choose it there."
)
_NO_ADDRESS = mark("You were not sent back to an application: the request names no return address.")
_UNPROVEN = mark(
    "We did not send you back: the request names an application but does not prove that it comes from there."
)


def outcome_of(action: str, *, signed_in: bool) -> Outcome:
    """Return what comes of the button that a person has pressed."""
    if action == "cancel":
        return Outcome.STAYED if signed_in else Outcome.NOBODY
    if action == "logout-everywhere":
        return Outcome.EVERYWHERE if signed_in else Outcome.NOBODY_EVERYWHERE
    return Outcome.SIGNED_OUT if signed_in else Outcome.NOBODY


def why_asked(request: LogoutRequest, client: Client | None) -> str:
    """Return why the person is asked; only a client that has proved itself is named: anybody can write such a link."""
    match request.note:
        case "bad_hint":
            return _("We ask first, because the proof of your sign-in that came with this request is not valid.")
        case "unknown_client":
            return _("We ask first, because this request does not say which application it comes from.")
        case "unregistered_address":
            return _(
                "We ask first, because this request names a return address that is not registered. "
                "You will not be sent there."
            )
    if client is not None and request.proven:
        return _(
            "%(client)s asks to sign you out, but of another sign-in than the one in this browser.", client=client.name
        )
    if client is not None:
        return _("We ask first, because this request does not prove that it comes from an application of yours.")
    return _("We ask first, because nothing says which application this request comes from.")


def why_here(request: LogoutRequest, client: Client | None, outcome: Outcome) -> str | None:
    """Return why the browser was not sent back to a client; None: nothing asked for that."""
    if outcome is Outcome.NOBODY_EVERYWHERE:
        return _(_NOBODY_EVERYWHERE)
    if outcome is Outcome.STAYED:
        return None
    if request.note is not None:
        return _(_FAULTS[request.note])
    if client is None:
        return None
    if request.redirect_uri is None:
        return _(_NO_ADDRESS)
    return None if request.proven else _(_UNPROVEN)
