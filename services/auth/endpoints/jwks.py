"""GET /.well-known/jwks.json: the public keys, as ready bytes.

Spec: RFC 7517 s5
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.web.caching import cacheable
from services.auth.endpoints.web.context import AuthContext, context_of
from services.auth.endpoints.web.endpoint import document_endpoint
from services.auth.endpoints.web.threads import in_thread

endpoint = document_endpoint("/.well-known/jwks.json", metadata="jwks_uri")


@endpoint.get
async def jwks(http: Request) -> Response:
    """Return the key set; 304 to a caller who has it already."""
    context = context_of(http)
    await look(context)
    key_set = context.token_issuer.signer.key_set
    max_age = int(context.settings.jwks_max_age.total_seconds())
    return cacheable(http, key_set.jwks, etag=key_set.etag, max_age=max_age)


async def look(context: AuthContext) -> None:
    """See whether keys or status lists have moved, when that is due: otherwise without leaving the event loop."""
    now = context.clock.now()
    if context.replica.due(now):
        await in_thread(context.replica.refresh, now)
