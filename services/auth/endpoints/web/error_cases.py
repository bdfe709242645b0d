"""What a page says when nothing can go on: a case each, with a title, one constant sentence and what to do about it.

Policy: ADR-0062; `docs/errors.md` explains the cases
"""

from dataclasses import dataclass

from services.auth.language import mark as _

_BACK = _("Go back to the application and start again. If it happens again, tell its maker the code below.")
_NOT_SENT = _(
    "We did not send you there, so that nobody else can receive your sign-in. The application has to register the "
    "address, or ask with one that is registered."
)
_WAIT = _("Nothing is wrong with your account. Try again in a moment.")


@dataclass(frozen=True)
class ErrorCase:
    """`title` is the heading, `sentence` the alert, `advice` what is below it: in English, for a page to translate."""

    title: str
    sentence: str
    advice: str = _BACK


ERROR_CASES = {
    "malformed_request": ErrorCase(_("This link does not work"), _("The request could not be read.")),
    "repeated_parameter": ErrorCase(
        _("This link does not work"), _("The request names its client or its return address twice.")
    ),
    "missing_client": ErrorCase(
        _("This link does not work"), _("The request does not say which application it comes from.")
    ),
    "unknown_client": ErrorCase(_("Unknown application"), _("The application that sent you here is not known.")),
    "missing_redirect_uri": ErrorCase(_("This link does not work"), _("The request does not say where to return to.")),
    "request_object": ErrorCase(
        _("This link does not work"),
        _("The application sent its request as a request object, which is not supported here."),
    ),
    "unregistered_redirect_uri": ErrorCase(
        _("Unknown return address"), _("The return address is not registered for this application."), _NOT_SENT
    ),
    "no_request": ErrorCase(
        _("Nothing to sign in to"),
        _("This page belongs to a sign-in that an application has begun."),
        _("Open the application and sign in from there."),
    ),
    "request_unknown": ErrorCase(
        _("This sign-in is over"),
        _("This sign-in is not known here, or it was left a long time ago."),
        _("Open the application and sign in from there."),
    ),
    "request_expired": ErrorCase(
        _("This sign-in has expired"),
        _("This sign-in has expired, because it was left open for too long."),
        _("Nothing was lost. Start again to sign in."),
    ),
    "request_ended": ErrorCase(
        _("This sign-in has ended"),
        _("This sign-in was ended, because the account or the application was changed meanwhile."),
        _("Start again to sign in."),
    ),
    "request_of_another_browser": ErrorCase(
        _("Started in another browser"),
        _("This sign-in was started in another browser."),
        _("Go on in that browser, or start again in this one."),
    ),
    "cookies_refused": ErrorCase(
        _("Cookies are needed"),
        _("This browser sent no cookies, and signing in does not work without them."),
        _("Allow cookies for this site, then start again. If you began in another browser, go on there."),
    ),
    "logout_unknown": ErrorCase(
        _("This sign-out is over"),
        _("This sign-out is not known here, or it was left a long time ago."),
        _("Start again to sign out."),
    ),
    "logout_expired": ErrorCase(
        _("This sign-out has expired"),
        _("This sign-out has expired, because it was left open for too long."),
        _("You were not signed out by it. Start again to sign out."),
    ),
    "logout_of_another_browser": ErrorCase(
        _("Started in another browser"),
        _("This sign-out was started in another browser."),
        _("Nobody was signed out in this one. Start again to sign out here."),
    ),
    "link_over": ErrorCase(
        _("This link is over"),
        _("This link has expired, was used before, or was opened in another browser."),
        _("Ask whoever sent it for a new one."),
    ),
    "address_taken": ErrorCase(
        _("This address is taken"),
        _("Somebody else signs in by this e-mail address."),
        _("Ask your administrator if the other account is yours, too."),
    ),
    "pushed_request_over": ErrorCase(
        _("This link was used before"), _("The pushed request is unknown, has expired or was used before.")
    ),
    "bad_form": ErrorCase(
        _("This form has expired"),
        _("This form has expired or was not sent from our own page."),
        _("Nothing was changed. Start again."),
    ),
    "not_found": ErrorCase(_("Page not found"), _("There is no such page."), _("Check the address.")),
    "method_not_allowed": ErrorCase(_("This link does not work"), _("This page cannot be used in that way.")),
    "too_large": ErrorCase(_("This link does not work"), _("The request is too large.")),
    "too_many_requests": ErrorCase(
        _("Too many requests"),
        _("There were too many requests from your network. Please try again shortly."),
        _WAIT,
    ),
    "internal_error": ErrorCase(
        _("Something went wrong"),
        _("Something went wrong on our side. It was recorded."),
        _("Try again. If it happens again, tell us the request number below."),
    ),
    "unavailable": ErrorCase(
        _("Back in a moment"), _("Signing in is not possible at this moment. Please try again shortly."), _WAIT
    ),
}
