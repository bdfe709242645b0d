"""Protected resource metadata: where a client that knows only the API learns who issues its tokens.

Spec: RFC 9728 s2, s3
"""

from urllib.parse import urlsplit, urlunsplit

from fastapi import APIRouter
from starlette.responses import JSONResponse

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


def metadata_url(resource: str) -> str:
    """Return where the metadata of `resource` is: the well-known path goes between its host and its path (s3.1)."""
    parts = urlsplit(resource)
    path = parts.path.removesuffix("/")
    return urlunsplit((parts.scheme, parts.netloc, _WELL_KNOWN + path, parts.query, ""))


def metadata_router(*, resource: str, name: str, issuer: str, scopes: tuple[str, ...]) -> APIRouter:
    """Return the route of the document. Public: it holds nothing that the provider's discovery does not."""
    router = APIRouter(include_in_schema=False)
    document = {
        "resource": resource,
        "resource_name": name,
        "authorization_servers": [issuer],
        "scopes_supported": list(scopes),
        "bearer_methods_supported": ["header"],
    }

    @router.get(_WELL_KNOWN)
    async def protected_resource() -> JSONResponse:
        return JSONResponse(document, headers={"Cache-Control": "public, max-age=300"})

    return router
