"""All that a resource server needs to accept an access token, usable on its own.

    app.py:     jwks = JwksCache(settings.keys_url, clock)
                verifier = AccessTokenVerifier(settings.access_token_rules(), jwks, clock)
                install_bearer(app, ProtectedApi("crm", settings.audience, settings.issuer, SCOPES, verifier))
    endpoints:  router = APIRouter(route_class=ProtectedRoute)
                principal: Annotated[Principal, Depends(require_scope("crm:read"))]

Verifies offline, with cached keys: a request waits for the issuer only when its key is unknown, one fetch for all.
Holds no session. Does not know whether a token was revoked before it expired.
"""

from shared.bearer.access_token import AccessTokenRules
from shared.bearer.challenge import (
    BearerRefusal,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidToken,
    MalformedRequest,
    NoCredentials,
)
from shared.bearer.dependency import ProtectedRoute, install_bearer
from shared.bearer.jwks import JwksCache
from shared.bearer.ownership import Owner, Reach, owner_of_new_records, reach_of
from shared.bearer.principal import Principal
from shared.bearer.requirements import ProtectedApi, fail_closed, require_auth, require_scope
from shared.bearer.settings import ResourceServerSettings
from shared.bearer.verifier import AccessTokenVerifier

__all__ = [
    "AccessTokenRules",
    "AccessTokenVerifier",
    "BearerRefusal",
    "InsufficientScope",
    "InsufficientUserAuthentication",
    "InvalidToken",
    "JwksCache",
    "MalformedRequest",
    "NoCredentials",
    "Owner",
    "Principal",
    "ProtectedApi",
    "ProtectedRoute",
    "Reach",
    "ResourceServerSettings",
    "fail_closed",
    "install_bearer",
    "owner_of_new_records",
    "reach_of",
    "require_auth",
    "require_scope",
]
