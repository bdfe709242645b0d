"""All that a resource server needs to accept an access token, usable on its own.

    api = ProtectedApi.from_settings("crm", settings, scopes=("crm:read", "crm:write"))
    app = FastAPI(lifespan=lambda app: api.running())
    install_bearer(app, api)

    @app.get("/contacts")
    async def contacts(caller: Annotated[Principal, Depends(require_scope("crm:read"))]) -> ...

Verifies offline, with cached keys and status lists: a request waits for the issuer only when its key or its list is
not held, one fetch for all. Holds no session. docs/bearer.md tells the rest, a whole program first.

Of the suite it stands on `shared.clock`, `dpop`, `errors`, `problem_details` and `settings` alone; `checks` (doctor's)
also on `shared.doctor`, and nothing here imports it.
"""

from shared.bearer.access_token import AccessTokenRules
from shared.bearer.challenge import (
    BearerRefusal,
    InsufficientScope,
    InsufficientUserAuthentication,
    InvalidDpopProof,
    InvalidToken,
    MalformedRequest,
    NoCredentials,
    UseDpopNonce,
)
from shared.bearer.keys.jwks import JwksCache, JwksPolicy
from shared.bearer.principal import Principal
from shared.bearer.protected_api import ProtectedApi
from shared.bearer.settings import BearerSettings, ResourceServerSettings
from shared.bearer.status.cache import StatusCache
from shared.bearer.status.source import StatusPolicy, StatusSource
from shared.bearer.status.status_list import StatusReference
from shared.bearer.verifier import AccessTokenVerifier
from shared.bearer.web.install import install_bearer
from shared.bearer.web.misuse import UnprotectedRoute
from shared.bearer.web.requirements import fail_closed, require_auth, require_scope
from shared.bearer.web.route import ProtectedRoute, public

__all__ = [
    "AccessTokenRules",
    "AccessTokenVerifier",
    "BearerRefusal",
    "BearerSettings",
    "InsufficientScope",
    "InsufficientUserAuthentication",
    "InvalidDpopProof",
    "InvalidToken",
    "JwksCache",
    "JwksPolicy",
    "MalformedRequest",
    "NoCredentials",
    "Principal",
    "ProtectedApi",
    "ProtectedRoute",
    "ResourceServerSettings",
    "StatusCache",
    "StatusPolicy",
    "StatusReference",
    "StatusSource",
    "UnprotectedRoute",
    "UseDpopNonce",
    "fail_closed",
    "install_bearer",
    "public",
    "require_auth",
    "require_scope",
]
