"""What a page says when nothing can go on: a case each, with a title, one constant sentence and what to do about it.

Policy: ADR-0062; `docs/errors.md` explains the cases
"""

from dataclasses import dataclass

_BACK = "Go back to the application and start again. If it happens again, tell its maker the code below."
_NOT_SENT = (
    "We did not send you there, so that nobody else can receive your sign-in. The application has to register the "
    "address, or ask with one that is registered."
)
_WAIT = "Nothing is wrong with your account. Try again in a moment."


@dataclass(frozen=True)
class ErrorCase:
    """`title` is the heading; `sentence` stands in the alert; `advice` is below it."""

    title: str
    sentence: str
    advice: str = _BACK


ERROR_CASES = {
    "malformed_request": ErrorCase("This link does not work", "The request could not be read."),
    "repeated_parameter": ErrorCase(
        "This link does not work", "The request names its client or its return address twice."
    ),
    "missing_client": ErrorCase("This link does not work", "The request does not say which application it comes from."),
    "unknown_client": ErrorCase("Unknown application", "The application that sent you here is not known."),
    "missing_redirect_uri": ErrorCase("This link does not work", "The request does not say where to return to."),
    "request_object": ErrorCase(
        "This link does not work",
        "The application sent its request as a request object, which is not supported here.",
    ),
    "unregistered_redirect_uri": ErrorCase(
        "Unknown return address", "The return address is not registered for this application.", _NOT_SENT
    ),
    "no_request": ErrorCase(
        "Nothing to sign in to",
        "This page belongs to a sign-in that an application has begun.",
        "Open the application and sign in from there.",
    ),
    "request_unknown": ErrorCase(
        "This sign-in is over",
        "This sign-in is not known here, or it was left a long time ago.",
        "Open the application and sign in from there.",
    ),
    "request_expired": ErrorCase(
        "This sign-in has expired",
        "This sign-in has expired, because it was left open for too long.",
        "Nothing was lost. Start again to sign in.",
    ),
    "request_ended": ErrorCase(
        "This sign-in has ended",
        "This sign-in was ended, because the account or the application was changed meanwhile.",
        "Start again to sign in.",
    ),
    "request_of_another_browser": ErrorCase(
        "Started in another browser",
        "This sign-in was started in another browser.",
        "Go on in that browser, or start again in this one.",
    ),
    "cookies_refused": ErrorCase(
        "Cookies are needed",
        "This browser sent no cookies, and signing in does not work without them.",
        "Allow cookies for this site, then start again. If you began in another browser, go on there.",
    ),
    "logout_unknown": ErrorCase(
        "This sign-out is over",
        "This sign-out is not known here, or it was left a long time ago.",
        "Start again to sign out.",
    ),
    "logout_expired": ErrorCase(
        "This sign-out has expired",
        "This sign-out has expired, because it was left open for too long.",
        "You were not signed out by it. Start again to sign out.",
    ),
    "logout_of_another_browser": ErrorCase(
        "Started in another browser",
        "This sign-out was started in another browser.",
        "Nobody was signed out in this one. Start again to sign out here.",
    ),
    "link_over": ErrorCase(
        "This link is over",
        "This link has expired, was used before, or was opened in another browser.",
        "Ask whoever sent it for a new one.",
    ),
    "pushed_request_over": ErrorCase(
        "This link was used before", "The pushed request is unknown, has expired or was used before."
    ),
    "bad_form": ErrorCase(
        "This form has expired",
        "This form has expired or was not sent from our own page.",
        "Nothing was changed. Start again.",
    ),
    "not_found": ErrorCase("Page not found", "There is no such page.", "Check the address."),
    "method_not_allowed": ErrorCase("This link does not work", "This page cannot be used in that way."),
    "too_large": ErrorCase("This link does not work", "The request is too large."),
    "too_many_requests": ErrorCase(
        "Too many requests",
        "There were too many requests from your network. Please try again shortly.",
        _WAIT,
    ),
    "internal_error": ErrorCase(
        "Something went wrong",
        "Something went wrong on our side. It was recorded.",
        "Try again. If it happens again, tell us the request number below.",
    ),
    "unavailable": ErrorCase(
        "Back in a moment", "Signing in is not possible at this moment. Please try again shortly.", _WAIT
    ),
}
