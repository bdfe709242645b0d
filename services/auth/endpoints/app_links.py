"""GET /.well-known/assetlinks.json and /.well-known/apple-app-site-association: which apps are our clients' own.

Spec: RFC 8252 s7.2; Digital Asset Links; Apple's Supporting associated domains
Phones ask the host of a client's https redirect URI, over https and without a redirect: where that is another host than
this service's, its operator serves these two addresses from here.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.cache.registrations import EnabledClients
from services.auth.endpoints.discovery import Document
from services.auth.endpoints.web.caching import cacheable
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import document_endpoint
from services.auth.endpoints.web.threads import in_thread

android = document_endpoint(
    "/.well-known/assetlinks.json", cors=False, unadvertised="Android looks there by convention"
)
apple = document_endpoint(
    "/.well-known/apple-app-site-association", cors=False, unadvertised="iOS looks there by convention"
)

_MAX_AGE = 3600


@android.get
async def assetlinks(http: Request) -> Response:
    """Return the Android apps; an empty list when there is none."""
    return _answer(http, (await _clients(http)).android_links)


@apple.get
async def apple_app_site_association(http: Request) -> Response:
    """Return the iOS apps, as application/json although the address has no ending."""
    return _answer(http, (await _clients(http)).apple_links)


async def _clients(http: Request) -> EnabledClients:
    context = context_of(http)
    registrations, now = context.registrations, context.clock.now()
    held = registrations.held_clients(now)
    return held if held is not None else await in_thread(registrations.clients, now)


def _answer(http: Request, content: object) -> Response:
    document = Document.of(content)
    return cacheable(http, document.body, etag=document.etag, max_age=_MAX_AGE)
