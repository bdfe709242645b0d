"""GET /.well-known/jwks.json: the public keys, as ready bytes.

Spec: RFC 7517 s5, RFC 9110 s13.1.2 (If-None-Match)
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.auth.endpoints.dependencies import context_of

router = APIRouter()


@router.api_route("/.well-known/jwks.json", methods=["GET", "HEAD"])
async def jwks(http: Request) -> Response:
    """Return the key set; 304 to who has it already."""
    context = context_of(http)
    key_set = context.provider.token_issuer.signer.key_set
    max_age = int(context.settings.jwks_max_age.total_seconds())
    return cacheable(http, key_set.jwks, etag=key_set.etag, max_age=max_age)


def cacheable(http: Request, body: bytes, *, etag: str, max_age: int) -> Response:
    """Answer a public document, or 304 when the caller has this very one."""
    headers = {"Cache-Control": f"public, max-age={max_age}", "ETag": etag}
    known = [tag.strip().removeprefix("W/") for tag in http.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": "application/json"})
