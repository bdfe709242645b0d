"""Bearer tokens at the edge of an API: what its routes demand, asked before a body is read, and how they refuse.

Spec: RFC 6750 s3, RFC 9110 s11.6.2
In: the `Authorization` header; a token in the query or in a form is no credential here.
Out: a Principal, or a refusal of `challenge`.
"""

import re
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.bearer.challenge import BearerRefusal, refusal_response
from shared.bearer.docs_page import SIGN_IN, describe_sign_in, install_docs
from shared.bearer.metadata import metadata_router, metadata_url
from shared.bearer.protected_api import ProtectedApi
from shared.bearer.requirements import Requirement, ScopeRequirement, all_met, requests_by_result

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json(?:\s*;.*)?", re.IGNORECASE | re.ASCII)


def install_bearer(app: FastAPI, api: ProtectedApi, *, docs: bool = False) -> None:
    """Make the requirements work in `app`: the verifier, the challenges, the metadata that they point at, and the
    security schemes of its description. `docs`: serve that description as pages, too.
    """
    app.state.protected_api = api
    resource_metadata = metadata_url(api.identifier)
    app.include_router(
        metadata_router(resource=api.identifier, name=api.name, issuer=api.issuer, scopes=api.scopes),
    )

    @app.exception_handler(BearerRefusal)
    async def refuse(request: Request, refusal: BearerRefusal) -> Response:
        requests_by_result.labels(refusal.reason).inc()
        return refusal_response(request, refusal, realm=api.name, resource_metadata=resource_metadata)

    described = app.openapi

    def openapi() -> dict[str, Any]:
        document = described()
        describe_sign_in(document, api)
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    if docs:
        install_docs(app, api)


class ProtectedRoute(APIRoute):
    """A route that looks at the credentials before it reads the body, and whose answers no cache may keep.

    FastAPI parses a body before it asks the dependencies: a caller without a token would learn what is wrong with
    their JSON. Also answers 415 for a body that is not JSON (RFC 9110 s15.5.16).
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        scopes = [demand.least for demand in _requirements(self.dependant) if isinstance(demand, ScopeRequirement)]
        if scopes:  # FastAPI says that the route takes a token; this adds what a person has to sign in for
            self.openapi_extra = {**(self.openapi_extra or {}), "security": [{SIGN_IN: scopes}]}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap FastAPI's handler."""
        handle = super().get_route_handler()
        requirements = sorted(_requirements(self.dependant), key=lambda requirement: requirement.rank)
        takes_body = self.body_field is not None

        async def protected(request: Request) -> Response:
            for requirement in requirements:
                await requirement(request)
            all_met(request, requirements)
            if takes_body and _JSON.fullmatch(request.headers.get("Content-Type", "")) is None:
                raise HTTPException(415, "The body must be application/json.")
            response = await handle(request)
            response.headers.setdefault("Cache-Control", "no-store")
            return response

        return protected


def _requirements(dependant: Dependant) -> Iterator[Requirement]:
    """Yield what the route demands, also by way of a dependency of a dependency."""
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Requirement):
            yield dependency.call
        yield from _requirements(dependency)
