"""What caches may keep: public documents by their ETag, and nothing that holds a token.

Spec: RFC 9110 s13.1.2 (If-None-Match), RFC 6749 s5.1 (no-store)
"""

from starlette.requests import Request
from starlette.responses import Response

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


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
