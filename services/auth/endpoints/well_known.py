"""Where password managers and finders of faults look: /.well-known/change-password and /.well-known/security.txt.

Spec: RFC 9116 (security.txt)
change-password is an address of the W3C's ("A Well-Known URL for Changing Passwords").
"""

from datetime import UTC, timedelta
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import document_endpoint, page_endpoint
from services.auth.endpoints.web.pages import see_other
from services.auth.language.tags import LANGUAGES

change_password = page_endpoint("/.well-known/change-password", unadvertised="password managers look there")
security_txt = document_endpoint("/.well-known/security.txt", unadvertised="whoever has found a fault looks there")

#: Less than a year, as the RFC asks, and never over: the moment moves with the day.
_GOOD_FOR = timedelta(days=180)


@change_password.get
async def get_change_password(http: Request) -> Response:
    """Lead to the page where passwords are changed."""
    del http
    return see_other("/account/sign-in-methods")


@security_txt.get
async def get_security_txt(http: Request) -> Response:
    """Say whom to tell of a fault; 404 where AUTH_SECURITY_CONTACT is not set."""
    context = context_of(http)
    contact = context.settings.security_contact
    if not contact:
        raise HTTPException(404)
    expires = context.clock.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _GOOD_FOR
    lines = (
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        f"Preferred-Languages: {', '.join(LANGUAGES)}",
        f"Canonical: {context.issuer}{quote(security_txt.path)}",
    )
    return PlainTextResponse("".join(f"{line}\n" for line in lines), headers={"Cache-Control": "public, max-age=86400"})
