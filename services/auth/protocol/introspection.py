"""Token introspection: the offline verifier's verdict and, what that one can't see at once, whether the grant lives.

Spec: RFC 7662 s2.1, s2.2 and s4; Policy: ADR-0014
"""

from typing import TYPE_CHECKING, Any

from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError

from services.auth.protocol.parameters import SeamRequest
from services.auth.tokens.access_token import family_of, verify_own_access_token
from services.auth.tokens.status_list import place_of

if TYPE_CHECKING:
    from services.auth.token_endpoint.pipeline import OAuthServer

#: What is told of a live token (RFC 7662 s2.2, RFC 8693 s4.1): what the API needs to decide, no name of a person.
_TOLD = ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "auth_time", "acr", "sid", "act")
_INACTIVE: dict[str, Any] = {"active": False}


def introspect(server: "OAuthServer", request: SeamRequest) -> dict[str, Any]:
    """Return the answer for the API that asks.

    Raises:
        OAuth2Error: the caller may not ask, or asks for nothing. A bad token is no error.
    """
    client = server.authenticate_client(request, None).client
    if client.public or not client.introspection:
        raise UnauthorizedClientError
    if request.parameters.repeated:
        raise InvalidRequestError("A parameter is repeated.")
    text = request.parameters.get("token")
    if text is None:
        raise InvalidRequestError("The token is missing.")
    issuer = server.provider.token_issuer
    claims = verify_own_access_token(issuer.signer, text, issuer=issuer.issuer, now=server.now)
    if claims is None or not client.speaks_for(claims["aud"]) or not _lives(server, claims):
        return _INACTIVE
    told = {name: claims[name] for name in _TOLD if name in claims}
    return {"active": True, "token_type": "Bearer", **told}


def _lives(server: "OAuthServer", claims: dict[str, Any]) -> bool:
    """Say whether what the token was granted by is still there: one statement."""
    family_id = family_of(claims)
    with server.provider.database.autocommit() as stores:
        if family_id is None:
            status = stores.machine_places.find(claims["client_id"])  # none of a disabled client
            return status is not None and status == place_of(claims)
        family = stores.families.find(family_id)
    return family is not None and family.live(server.now)
