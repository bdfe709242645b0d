"""How a request to a page is read and answered: its query or its form, and all the work in one thread hop.

Policy: ADR-0004; Spec: RFC 6749 s3.1 (form encoding)
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.web.context import form_parameters, query_parameters
from services.auth.endpoints.web.pages import error_page
from services.auth.endpoints.web.threads import in_thread
from services.auth.protocol.parameters import MalformedParametersError, Parameters

Answer = Callable[[Request, Parameters], Response]


async def answer_page(http: Request, answer: Answer) -> Response:
    """Let `answer` answer a GET by its query, a POST by its form; what cannot be read gets a page."""
    try:
        parameters = await form_parameters(http) if http.method == "POST" else query_parameters(http)
    except MalformedParametersError:
        return error_page("malformed_request")
    return await in_thread(answer, http, parameters)
