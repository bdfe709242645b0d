"""GET /.well-known/jwks.json: the public keys, as ready bytes.

Spec: RFC 7517 s5, RFC 9110 s13.1.2 (If-None-Match)
"""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.auth.endpoints.web.context import AuthContext, context_of
from services.auth.endpoints.web.endpoint import DirectRoute

router = APIRouter(route_class=DirectRoute)


@router.api_route("/.well-known/jwks.json", methods=["GET", "HEAD"])
async def jwks(http: Request) -> Response:
    """Return the key set; 304 to who has it already."""
    context = context_of(http)
    await look(context)
    key_set = context.token_issuer.signer.key_set
    max_age = int(context.settings.jwks_max_age.total_seconds())
    return cacheable(http, key_set.jwks, etag=key_set.etag, max_age=max_age)


async def look(context: AuthContext) -> None:
    """See whether keys or status lists have moved, when that is due: otherwise without leaving the event loop."""
    now = context.clock.now()
    if context.published.due(now):
        await run_in_threadpool(context.published.look, now)


def cacheable(
    http: Request, body: bytes, *, etag: str, max_age: int | None, media_type: str = "application/json"
) -> Response:
    """Answer a public document, or 304 when the caller has this very one; without `max_age` caches ask each time."""
    caching = "no-cache" if max_age is None else f"public, max-age={max_age}"
    headers = {"Cache-Control": caching, "ETag": etag}
    known = [tag.strip().removeprefix("W/") for tag in http.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers={**headers, "Content-Type": media_type})
