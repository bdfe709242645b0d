"""GET /.well-known/webauthn: which other sites of ours may use the passkeys of this host.

Spec: WebAuthn Level 3 s5.11.1 (related origins); Policy: ADR-0110
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.discovery import Document
from services.auth.endpoints.web.caching import cacheable
from services.auth.endpoints.web.context import context_of
from services.auth.endpoints.web.endpoint import document_endpoint

endpoint = document_endpoint("/.well-known/webauthn", cors=False, unadvertised="browsers look there by convention")

_MAX_AGE = 3600


@endpoint.get
async def related_origins(http: Request) -> Response:
    """Return the issuer's own origin, and those of the setting."""
    document = Document.of({"origins": list(context_of(http).settings.passkey_pages)})
    return cacheable(http, document.body, etag=document.etag, max_age=_MAX_AGE)
