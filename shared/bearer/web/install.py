"""Bearer tokens at the edge of an application: its verifier, its refusals, and what it says of both.

Spec: RFC 6750 s3, RFC 9110 s11.6.2
In: the `Authorization` header; a token in the query or in a form is no credential here.
Out: a Principal, or a refusal of `challenge`.
"""

from typing import Any

from fastapi import FastAPI, Request
from starlette.responses import Response

from shared.bearer.challenge import BearerRefusal, refusal_response
from shared.bearer.protected_api import ProtectedApi
from shared.bearer.web.docs_page import describe_sign_in, install_docs
from shared.bearer.web.metadata import metadata_router, metadata_url
from shared.bearer.web.requirements import requests_by_result


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
