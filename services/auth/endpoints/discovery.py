"""GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server, as ready bytes.

Spec: OpenID Connect Discovery s4, RFC 8414 s3, RFC 9110 s13.1.2 (If-None-Match)
"""

import functools
import hashlib
import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from services.auth.brand import Brand
from services.auth.endpoints.web.caching import cacheable
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import Endpoint, document_endpoint
from services.auth.endpoints.web.metadata import advertised, provider_metadata
from services.auth.endpoints.web.threads import in_thread
from services.auth.scopes import ScopeCatalogue

openid_configuration = document_endpoint("/.well-known/openid-configuration", unadvertised="the document itself")
oauth_authorization_server = document_endpoint(
    "/.well-known/oauth-authorization-server", unadvertised="the document itself"
)

_MAX_AGE = 300


@dataclass(frozen=True)
class Document:
    """A public document as it is sent."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, content: object) -> "Document":
        """Return the JSON of `content`, its ETag a digest of it."""
        body = json.dumps(content).encode()
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


@openid_configuration.get
@oauth_authorization_server.get
async def discovery(http: Request) -> Response:
    """Return the metadata; the same document at both addresses."""
    context = context_of(http)
    registrations, now = context.registrations, context.clock.now()
    catalogue = registrations.held_catalogue(now) or await in_thread(registrations.catalogue, now)
    grant_types = tuple(context.token_endpoint.grants)
    document = _document(context.issuer, context.endpoints, grant_types, catalogue, context.appearance.brand)
    return cacheable(http, document.body, etag=document.etag, max_age=_MAX_AGE)


@functools.lru_cache(maxsize=16)
def _document(
    issuer: str, endpoints: tuple[Endpoint, ...], grant_types: tuple[str, ...], catalogue: ScopeCatalogue, brand: Brand
) -> Document:
    """Return the document; made anew when the catalogue has changed, since it is part of the question."""
    return Document.of(
        provider_metadata(
            issuer, addresses=advertised(endpoints), grant_types=grant_types, catalogue=catalogue, brand=brand
        )
    )
