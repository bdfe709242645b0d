"""Pages for people: rendered on the server, usable without JavaScript, under a strict policy.

Spec: CSP Level 3, RFC 9700 s4.2.4 (Referrer-Policy) and s4.16 (framing), Form Post Response Mode s2
Policy: ADR-0061, ADR-0063, ADR-0064, ADR-0122, ADR-0127
"""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.auth.audit import refuse
from services.auth.authorization.response import AuthorizationResponse
from services.auth.endpoints.web.appearance import STATIC, versioned
from services.auth.endpoints.web.error_cases import ERROR_CASES
from services.auth.endpoints.web.reader import addressed
from services.auth.language import gettext, language, translated, translated_by_number
from services.auth.language.formats import moment_in_words
from shared.request_context import request_id

_HERE = Path(__file__).parents[2]


_TEMPLATES = Environment(
    loader=FileSystemLoader(_HERE / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    extensions=["jinja2.ext.i18n"],
)
_TEMPLATES.policies["ext.i18n.trimmed"] = True  # a text may be broken into lines where the template is
_TEMPLATES.globals |= {
    "script": versioned("/static/pages.js", (STATIC / "pages.js").read_bytes()),
    "passkeys": versioned("/static/passkeys.js", (STATIC / "passkeys.js").read_bytes()),
    "language": language,
    "moment_in_words": moment_in_words,
}
_TEMPLATES.install_gettext_callables(translated, translated_by_number, newstyle=True)  # type: ignore[attr-defined]


#: Scripts and styles are files of ours, never a part of a page. No form-action: browsers apply it to each redirect that
#: follows a form, those of the client's own site included.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)


def page(
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    keeps_opener: bool = False,
    **values: Any,
) -> Response:
    """Render a page. `keeps_opener`: it is on the way of a client that may wait for it as its opener (ADR-0127)."""
    appearance, languages = addressed(values.get("request"))
    brand = appearance.brand
    given = {"brand": brand, "company": brand.name, "style": appearance.style, "languages": languages, **values}
    body = _TEMPLATES.get_template(template).render(given)
    return HTMLResponse(
        body,
        status,
        headers={
            "Content-Security-Policy": _POLICY,
            "Cross-Origin-Opener-Policy": "unsafe-none" if keeps_opener else "same-origin",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )


def error_page(
    case: str,
    *,
    status: int = 400,
    headers: dict[str, str] | None = None,
    start_again: str = "/",
    client_name: str | None = None,
) -> Response:
    """Show the constant sentence of a case, its code and the request's id; never anything that the request held.

    `start_again`: where its link leads. `client_name`: of the registered client that it begins anew for.
    """
    refuse(f"page_{case}")
    said = ERROR_CASES[case]
    return page(
        "error.html",
        keeps_opener=True,
        status=status,
        headers=headers,
        title=gettext(said.title),
        sentence=gettext(said.sentence),
        advice=gettext(said.advice),
        code=case,
        request_id=request_id(),
        start_again=start_again,
        client_name=client_name,
        languages=[],  # the addresses in other languages would hold the query that was refused
    )


def send_back(response: AuthorizationResponse) -> Response:
    """Send the browser back to the client with an answer: by redirect, or by a form that posts itself."""
    if response.mode != "form_post":
        return see_other(response.location)
    return page(
        "form_post.html",
        keeps_opener=True,
        redirect_uri=response.redirect_uri,
        parameters=response.parameters,
    )


def see_other(location: str) -> Response:
    """Redirect with 303, so that a posted password is never posted on (RFC 9700 s4.12)."""
    return RedirectResponse(
        location, status_code=303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    )
