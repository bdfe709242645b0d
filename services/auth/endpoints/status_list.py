"""GET /status/{shard}: one shard of the Token Status List, signed.

Spec: draft-ietf-oauth-status-list-17 s8.1 and s8.2, RFC 9110 s13.1.2 (If-None-Match)
Out: `application/statuslist+jwt`. Caches ask each time: one that answered for `ttl` would double the time to refusal.
"""

import re

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.web.caching import cacheable
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import document_endpoint
from services.auth.endpoints.web.threads import in_thread

endpoint = document_endpoint("/status/{shard}", unadvertised="each token names its list")

#: One way to write each number: the address is the list's name.
_SHARD = re.compile(r"0|[1-9][0-9]{0,8}")


@endpoint.get
async def status_list(http: Request) -> Response:
    """Return the list; 304 to a caller who has it already."""
    shard = http.scope["path"].removeprefix("/status/")
    if not _SHARD.fullmatch(shard):
        raise HTTPException(404)
    context = context_of(http)
    signed = await in_thread(context.signed_lists.get, int(shard), context.clock.now())
    if signed is None:
        raise HTTPException(404)
    return cacheable(http, signed.body, etag=signed.etag, max_age=None, media_type="application/statuslist+jwt")
