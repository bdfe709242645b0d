"""GET /styleguide: the tokens and the components of the pages on one page, in local mode alone.

Policy: ADR-0124
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.interaction.notice import Wait
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.page_request import answer_page
from services.auth.endpoints.web.pages import error_page, page
from services.auth.protocol.parameters import Parameters

endpoint = page_endpoint("/styleguide", unadvertised="for developers, in local mode")

#: The names of the tokens, as the stylesheet has them.
_COLOURS = ("ink", "soft", "line", "hair", "paper", "ground", "sunk", "accent", "on-accent", "danger", "danger-ground")
_DISTANCES = ("s1", "s2", "s3", "s4", "s5")


@endpoint.get
async def get_styleguide(http: Request) -> Response:
    """Show the page; parameters count for nothing."""
    return await answer_page(http, _show)


def _show(http: Request, parameters: Parameters) -> Response:
    del parameters
    if not context_of(http).settings.local:
        return error_page("not_found", status=404)
    return page("styleguide.html", colours=_COLOURS, distances=_DISTANCES, wait=Wait(90, "2 minutes"))
