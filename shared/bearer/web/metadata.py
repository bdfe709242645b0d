"""Protected resource metadata: where a client that knows only the API learns who issues its tokens.

Spec: RFC 9728 s2, s3
"""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.responses import JSONResponse

from shared.bearer.protected_api import ProtectedApi
from shared.dpop.jwk import ALGORITHMS

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


def metadata_url(resource: str) -> str:
    """Return where the metadata of `resource` is: the well-known path goes between its host and its path (s3.1).

    The one spelling: challenges, doctor and the documentation name this address, and `metadata_router` serves its path.
    """
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{parts.path.removesuffix('/')}"


def metadata_router(api: ProtectedApi) -> APIRouter:
    """Return the route of the document. Public: it holds nothing that the provider's discovery does not.

    `scopes_supported` are those that a person can be granted: programs ask for all that they find there.
    """
    router = APIRouter(include_in_schema=False)
    document = {
        "resource": api.identifier,
        "resource_name": api.name,
        "authorization_servers": [api.issuer],
        "scopes_supported": list(api.user_scopes),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
    }

    @router.get(urlsplit(metadata_url(api.identifier)).path)
    async def protected_resource() -> JSONResponse:
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=300"})

    return router
