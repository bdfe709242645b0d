"""GET /.well-known/openid-configuration and /.well-known/oauth-authorization-server: what works here.

Spec: OpenID Connect Discovery s3, RFC 8414 s2, RFC 9207 s3
"""

import hashlib
import json

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from services.auth.endpoints.dependencies import AuthContext, context_of
from services.auth.endpoints.jwks import cacheable
from services.auth.keys.signer import ALGORITHM
from services.auth.sessions import ACR_1FA, ACR_MFA
from services.auth.users import SCOPE_CLAIMS

router = APIRouter()

_CLIENT_AUTHENTICATION = ["none", "client_secret_basic", "client_secret_post"]
_MAX_AGE = 300


@router.api_route("/.well-known/openid-configuration", methods=["GET", "HEAD"])
@router.api_route("/.well-known/oauth-authorization-server", methods=["GET", "HEAD"])
async def discovery(http: Request) -> Response:
    """Return the metadata; the same document at both addresses."""
    body = await run_in_threadpool(_document, context_of(http))
    return cacheable(http, body, etag=f'"{hashlib.sha256(body).hexdigest()[:32]}"', max_age=_MAX_AGE)


def _document(context: AuthContext) -> bytes:
    issuer = context.issuer
    catalogue = context.provider.registrations.catalogue(context.clock.now())
    metadata = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "revocation_endpoint": f"{issuer}/revoke",
        "scopes_supported": sorted(catalogue.names),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code", "refresh_token", "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": _CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": _CLIENT_AUTHENTICATION,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "acr_values_supported": [ACR_1FA, ACR_MFA],
        "prompt_values_supported": ["none", "login", "select_account"],
        "claims_supported": [
            "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
            *(name for names in SCOPE_CLAIMS.values() for name in names),
        ],
        "claims_parameter_supported": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "authorization_response_iss_parameter_supported": True,
        "ui_locales_supported": ["en"],
    }  # fmt: skip
    return json.dumps(metadata).encode()
