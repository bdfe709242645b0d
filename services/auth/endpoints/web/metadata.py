"""What discovery says: each line from the registration that makes it true.

Spec: OpenID Connect Discovery s3, RFC 8414 s2, RFC 9126 s5, RFC 9207 s3, RFC 9449 s5.1
An endpoint declares its member itself, a grant is said once the seam has registered it, a scope once an API has it;
tests/integration/auth/test_metadata.py asks each whether it works.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from services.auth.accounts.browser_session import ACRS
from services.auth.accounts.user import SCOPE_CLAIMS
from services.auth.brand import Brand
from services.auth.clients.metadata import ASSERTION_ALGORITHMS
from services.auth.clients.registration import AUTH_METHODS
from services.auth.endpoints.web.endpoint import Endpoint
from services.auth.keys.signer import ALGORITHM
from services.auth.language.tags import LANGUAGES
from services.auth.protocol.authorization_request import PROMPT_VALUES, RESPONSE_MODES
from services.auth.scopes import ScopeCatalogue
from shared.dpop.jwk import ALGORITHMS as DPOP_ALGORITHMS

_ASSERTION_ALGORITHMS = tuple(name for names in ASSERTION_ALGORITHMS.values() for name in names)

#: Claims that an ID token can hold whatever the scopes (OpenID Connect Core s2).
_ID_TOKEN_CLAIMS = ("iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")


def advertised(endpoints: Iterable[Endpoint]) -> dict[str, str]:
    """Return the members that name an address, each with its path."""
    return {endpoint.metadata: endpoint.path for endpoint in endpoints if endpoint.metadata}


def provider_metadata(
    issuer: str, *, addresses: Mapping[str, str], grant_types: tuple[str, ...], catalogue: ScopeCatalogue, brand: Brand
) -> dict[str, Any]:
    """Return the members of the document; `addresses`: as `advertised` gives them, `grant_types`: those of the seam."""
    return {
        "issuer": issuer,
        **{name: f"{issuer}{path}" for name, path in addresses.items()},
        "scopes_supported": sorted(catalogue.names),
        "response_types_supported": ["code"],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(grant_types),
        "code_challenge_methods_supported": ["S256"],
        "require_pushed_authorization_requests": False,  # of some clients, by their registration
        **_client_authentication(addresses),
        "dpop_signing_alg_values_supported": list(DPOP_ALGORITHMS),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "acr_values_supported": list(ACRS),  # the weaker first: none of them forces a second factor
        "prompt_values_supported": list(PROMPT_VALUES),
        "claim_types_supported": ["normal"],
        "claims_supported": [*_ID_TOKEN_CLAIMS, *(name for names in SCOPE_CLAIMS.values() for name in names)],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,  # left out it would mean true
        # of no use while both are false; never `none`, and verifiers of the document look for RS256
        "request_object_signing_alg_values_supported": [ALGORITHM],
        "authorization_response_iss_parameter_supported": True,
        **_logout(addresses),
        "ui_locales_supported": list(LANGUAGES),
        **({"op_policy_uri": brand.privacy} if brand.privacy else {}),
        **({"op_tos_uri": brand.terms} if brand.terms else {}),
    }


def _logout(addresses: Mapping[str, str]) -> dict[str, Any]:
    if "end_session_endpoint" not in addresses:
        return {}
    return {"backchannel_logout_supported": True, "backchannel_logout_session_supported": True}


def _client_authentication(addresses: Mapping[str, str]) -> dict[str, Any]:
    members = {}
    for endpoint in ("token", "revocation", "introspection"):
        if f"{endpoint}_endpoint" in addresses:
            # never for a public client: it would be a token scanner
            methods: list[str] = [name for name in AUTH_METHODS if name != "none" or endpoint != "introspection"]
            members[f"{endpoint}_endpoint_auth_methods_supported"] = methods
            members[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = list(_ASSERTION_ALGORITHMS)
    return members
