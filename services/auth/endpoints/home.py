"""GET /: what this is, who is signed in, and in local mode the documentation.

Policy: ADR-0064
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.authorization.signed_in import find_signed_in
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.cookies import cookies_of
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import page
from services.auth.language import gettext as _
from services.auth.opaque_token import digest
from services.auth.protocol.parameters import Parameters

endpoint = page_endpoint("/", unadvertised="for people who come by")


@endpoint.get
async def get_home(http: Request) -> Response:
    """Show the page; parameters count for nothing."""
    return await answer_page(http, _home)


def _home(http: Request, parameters: Parameters) -> Response:
    del parameters
    context, session = context_of(http), cookies_of(http).session
    signed_in = None
    if session is not None:
        with context.database.autocommit() as stores:
            signed_in = find_signed_in(stores, digest(session), context.clock.now())
    documents = []
    if context.settings.local:
        apis = context.registrations.catalogue(context.clock.now()).apis
        documents = [
            *((_("%(api)s: try it", api=api.name), f"{api.identifier}/docs") for api in apis),
            (_("What this provider can do (discovery)"), "/.well-known/openid-configuration"),
            (_("Its signing keys"), "/.well-known/jwks.json"),
        ]
    return page("home.html", username=signed_in.user.username if signed_in else None, documents=documents)
