"""Pages for people: rendered on the server, usable without JavaScript, under a strict policy.

Spec: CSP Level 3, RFC 9700 s4.2.4 (Referrer-Policy) and s4.16 (framing), Form Post Response Mode s2
"""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.auth.audit import refuse
from services.auth.authorization.response import AuthorizationResponse

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parents[2] / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
)

#: The only script of ours: it presses the button of a form that goes back to the client.
_SUBMIT = "document.forms[0].submit()"
_SUBMIT_SOURCE = f"'sha256-{base64.b64encode(hashlib.sha256(_SUBMIT.encode()).digest()).decode()}'"

#: One constant sentence a case; `docs/errors.md` explains them.
ERROR_SENTENCES = {
    "malformed_request": "The request could not be read.",
    "repeated_parameter": "The request names its client or its return address twice.",
    "missing_client": "The request does not say which application it comes from.",
    "unknown_client": "The application that sent you here is not known.",
    "missing_redirect_uri": "The request does not say where to return to.",
    "request_object": "The application sent its request as a request object, which is not supported here.",
    "unregistered_redirect_uri": "The return address is not registered for this application.",
    "request_over": "This sign-in has ended, has expired, or was started in another browser.",
    "logout_over": "This sign-out has ended, has expired, or was started in another browser.",
    "link_over": "This link has expired, was used before, or was opened in another browser.",
    "pushed_request_over": "The pushed request is unknown, has expired or was used before.",
    "bad_form": "This form has expired or was not sent from our own page.",
    "not_found": "There is no such page.",
    "method_not_allowed": "This page cannot be used in that way.",
    "too_large": "The request is too large.",
    "too_many_requests": "There were too many requests from your network. Please try again shortly.",
    "internal_error": "Something went wrong on our side. It was recorded.",
    "unavailable": "Signing in is not possible at this moment. Please try again shortly.",
}


def page(
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    script: str | None = None,
    **values: Any,
) -> Response:
    """Render a page. `script`: the CSP source of its one script."""
    body = _TEMPLATES.get_template(template).render(**values)
    # no form-action: browsers apply it to each redirect that follows a form, those of the client's own site included
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"frame-ancestors 'none'; base-uri 'none'{f'; script-src {script}' if script else ''}"
    )
    return HTMLResponse(
        body,
        status,
        headers={
            "Content-Security-Policy": policy,
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )


def error_page(
    case: str, error: str = "invalid_request", *, status: int = 400, headers: dict[str, str] | None = None
) -> Response:
    """Show the constant sentence of a case and the OAuth error code; never anything that the request held."""
    refuse(f"page_{case}")
    return page("error.html", status=status, headers=headers, sentence=ERROR_SENTENCES[case], error=error)


def send_back(response: AuthorizationResponse) -> Response:
    """Send the browser back to the client with an answer: by redirect, or by a form that posts itself."""
    if response.mode != "form_post":
        return see_other(response.location)
    return page(
        "form_post.html",
        script=_SUBMIT_SOURCE,
        submit=_SUBMIT,
        redirect_uri=response.redirect_uri,
        parameters=response.parameters,
    )


def see_other(location: str) -> Response:
    """Redirect with 303, so that a posted password is never posted on (RFC 9700 s4.12)."""
    return RedirectResponse(
        location, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )
