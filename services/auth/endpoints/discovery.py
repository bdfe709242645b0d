"""GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server, as ready bytes.

Spec: OpenID Connect Discovery s4, RFC 8414 s3, RFC 9110 s13.1.2 (If-None-Match)
"""

import functools
import hashlib
import json
from dataclasses import dataclass

from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.auth.endpoints.jwks import cacheable
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import DirectRoute
from services.auth.endpoints.web.metadata import provider_metadata
from services.auth.scopes import ScopeCatalogue

router = APIRouter(route_class=DirectRoute)

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


@router.api_route("/.well-known/openid-configuration", methods=["GET", "HEAD"])
@router.api_route("/.well-known/oauth-authorization-server", methods=["GET", "HEAD"])
async def discovery(http: Request) -> Response:
    """Return the metadata; the same document at both addresses."""
    context = context_of(http)
    registrations, now = context.registrations, context.clock.now()
    catalogue = registrations.held_catalogue(now) or await run_in_threadpool(registrations.catalogue, now)
    document = _document(context.issuer, *_registered(http.app), catalogue)
    return cacheable(http, document.body, etag=document.etag, max_age=_MAX_AGE)


@functools.lru_cache(maxsize=2)
def _registered(app: FastAPI) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the paths of the application and the grant types of its seam: what no request changes."""
    return paths_of(app), tuple(app.state.context.token_endpoint.grants)


def paths_of(app: FastAPI) -> frozenset[str]:
    """Return the paths of every route of the application, as they are declared."""
    return frozenset(route.path for route in iter_route_contexts(app.routes) if route.path is not None)


@functools.lru_cache(maxsize=16)
def _document(issuer: str, paths: frozenset[str], grant_types: tuple[str, ...], catalogue: ScopeCatalogue) -> Document:
    """Return the document; made anew when the catalogue has changed, since it is part of the question."""
    return Document.of(provider_metadata(issuer, paths=paths, grant_types=grant_types, catalogue=catalogue))
