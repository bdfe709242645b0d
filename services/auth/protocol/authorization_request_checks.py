"""From the parameters of /authorize or /par to a checked AuthorizationRequest: an ordered list of short checks.

Spec: RFC 6749 s4.1.1 and s4.1.2.1, OpenID Connect Core s3.1.2.1 and s5.5, RFC 8707 s2, RFC 9126 s2.1, RFC 9700 s2.1
Spec: RFC 9449 s10
Until client and redirect URI are known to be good, an error is a page; after that it is a redirect.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.auth.accounts.browser_session import ACRS
from services.auth.clients.client import Client
from services.auth.clients.redirect_uris import can_be_posted_to
from services.auth.keys.signer import Signer
from services.auth.language.tags import of_ui_locales
from services.auth.protocol.authorization_request import PROMPTS, RESPONSE_MODES, AuthorizationRequest
from services.auth.protocol.claims_parameter import ClaimsParameter, MalformedClaimsError, parse_claims_parameter
from services.auth.protocol.client_authentication import RegisteredClients
from services.auth.protocol.errors import ErrorPage, ErrorRedirect, OAuthError
from services.auth.protocol.parameters import Parameters
from services.auth.protocol.pkce import validate_code_challenge
from services.auth.scopes import ScopeCatalogue, UnknownResource, split_scope
from services.auth.tokens.id_token import verify_own_id_token
from shared.request_context import note

#: Longest state and longest nonce, in bytes; and longest id_token_hint, in characters.
MAX_LENGTH = 2048
MAX_HINT_LENGTH = 16_384

_LONGEST_MAX_AGE = 10**9  # seconds: some thirty years, which a timedelta can hold
_MAX_AGE = re.compile(r"[0-9]{1,30}")
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")


class RegisteredScopes(RegisteredClients, Protocol):
    """The port to what is registered."""

    def catalogue(self, now: datetime) -> ScopeCatalogue: ...


@dataclass(frozen=True)
class AuthorizationRequestChecks:
    """What /authorize and /par check a request against."""

    registrations: RegisteredScopes
    signer: Signer
    issuer: str

    def validate(self, parameters: Parameters, now: datetime, *, pushed: bool = False) -> AuthorizationRequest:
        """Check every parameter of a request that came by a browser, or was `pushed` by its client.

        Raises:
            ErrorPage: to be shown, never redirected.
            ErrorRedirect: to be told to the client.
        """
        client, redirect_uri = _client_and_redirect_uri(self.registrations, parameters, now)
        try:
            _check_way(client, pushed=pushed)
            return _validate_for(self, self.registrations.catalogue(now), client, redirect_uri, parameters)
        except _RefusedError as refused:
            state = None if "state" in parameters.repeated else parameters.get("state")
            state = state if state is not None and _fits(state) else None  # a refused one is not echoed
            mode = _mode_of_an_error(redirect_uri, parameters)
            raise ErrorRedirect(redirect_uri, state, refused.error, refused.description, mode) from refused


class _RefusedError(Exception):
    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def _client_and_redirect_uri(clients: RegisteredClients, parameters: Parameters, now: datetime) -> tuple[Client, str]:
    if parameters.repeated & {"client_id", "redirect_uri"}:
        raise ErrorPage("repeated_parameter", "invalid_request")
    client_id = parameters.get("client_id")
    if client_id is None:
        _refuse_request_object(parameters)
        raise ErrorPage("missing_client", "invalid_request")
    client = clients.find_client(client_id, now)
    if client is None:
        raise ErrorPage("unknown_client", "invalid_client")
    note(client_id=client_id)
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None:
        _refuse_request_object(parameters)
        raise ErrorPage("missing_redirect_uri", "invalid_request")
    if not client.has_redirect_uri(redirect_uri):
        raise ErrorPage("unregistered_redirect_uri", "invalid_request")
    return client, redirect_uri


def _refuse_request_object(parameters: Parameters) -> None:
    """Say of a request whose parameters are in a request object alone (RFC 9101 s5) that this is why none is read."""
    for name, error in (("request", "request_not_supported"), ("request_uri", "request_uri_not_supported")):
        if parameters.get(name) is not None:
            raise ErrorPage("request_object", error)


def _validate_for(
    checks: AuthorizationRequestChecks,
    catalogue: ScopeCatalogue,
    client: Client,
    redirect_uri: str,
    parameters: Parameters,
) -> AuthorizationRequest:
    if parameters.repeated:
        raise _RefusedError("invalid_request", "A parameter is repeated.")
    _check_unsupported(parameters)
    response_mode = _response_mode(redirect_uri, parameters)
    _check_response_type_and_pkce(client, parameters)
    scopes = _scopes(client, catalogue, parameters)
    # without openid there is no ID token and no /userinfo to ask claims for
    claims = _claims(parameters) if "openid" in scopes else ClaimsParameter()
    return AuthorizationRequest(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        resources=_resources(catalogue, scopes, parameters),
        state=_bounded(parameters, "state"),
        nonce=_bounded(parameters, "nonce"),
        code_challenge=parameters.get("code_challenge"),
        prompts=_prompts(parameters),
        max_age=_max_age(client, parameters),
        login_hint=_login_hint(parameters),
        response_mode=response_mode,
        subjects=_subjects(claims, _hinted_subject(checks, parameters)),
        acr_values=_acr_values(parameters, claims),
        essential_acr=claims.essential_acr,
        claims=claims.requested.within(client.scopes),
        dpop_jkt=_dpop_jkt(client, parameters),
        language=of_ui_locales(parameters.get("ui_locales")),
    )


def _check_way(client: Client, *, pushed: bool) -> None:
    if client.require_pushed_authorization_requests and not pushed:
        raise _RefusedError("invalid_request", "This client must push its authorization requests.")


def _check_unsupported(parameters: Parameters) -> None:
    if parameters.get("request") is not None:
        raise _RefusedError("request_not_supported", "Request objects are not supported.")
    if parameters.get("request_uri") is not None:
        raise _RefusedError("request_uri_not_supported", "Request URIs are not supported.")
    if parameters.get("authorization_details") is not None:  # RFC 9396 s5: never given less than was asked, in silence
        raise _RefusedError("invalid_authorization_details", "Authorization details are not supported; ask for scopes.")


def _response_mode(redirect_uri: str, parameters: Parameters) -> str:
    mode = parameters.get("response_mode") or "query"
    if mode not in RESPONSE_MODES:
        raise _RefusedError("invalid_request", "The response_mode must be query or form_post.")
    if mode == "form_post" and not can_be_posted_to(redirect_uri):
        raise _RefusedError("invalid_request", "The response_mode form_post needs a web address to return to.")
    return mode


def _mode_of_an_error(redirect_uri: str, parameters: Parameters) -> str:
    """Return the mode that was asked for, if it was asked for once and can be used."""
    try:
        return "query" if "response_mode" in parameters.repeated else _response_mode(redirect_uri, parameters)
    except _RefusedError:
        return "query"


def _check_response_type_and_pkce(client: Client, parameters: Parameters) -> None:
    response_type = parameters.get("response_type")
    if response_type is None:
        raise _RefusedError("invalid_request", "The response_type is missing.")
    if response_type != "code":
        raise _RefusedError("unsupported_response_type", "This response type is not supported.")
    if "authorization_code" not in client.grant_types:
        raise _RefusedError("unauthorized_client", "This client may not do this.")
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    try:
        validate_code_challenge(challenge, method, required=client.pkce_required)
    except OAuthError as error:
        raise _RefusedError(error.error, error.description) from error


def _scopes(client: Client, catalogue: ScopeCatalogue, parameters: Parameters) -> frozenset[str]:
    asked = split_scope(parameters.get("scope")) & catalogue.names  # unknown scopes are ignored
    if not asked:
        raise _RefusedError("invalid_scope", "A known scope is required.")
    if not asked <= client.scopes:
        raise _RefusedError("invalid_scope", "A requested scope is not available to this client.")
    return asked if "refresh_token" in client.grant_types else asked - {"offline_access"}


def _resources(catalogue: ScopeCatalogue, scopes: frozenset[str], parameters: Parameters) -> tuple[str, ...]:
    try:
        catalogue.narrow_to_asked(scopes, parameters.all("resource"))
        return catalogue.resources(parameters.all("resource"))
    except UnknownResource as error:
        raise _RefusedError("invalid_target", "The resource is unknown or none of its scopes was requested.") from error


def _bounded(parameters: Parameters, name: str) -> str | None:
    value = parameters.get(name)
    if value is not None and not _fits(value):
        raise _RefusedError("invalid_request", f"The {name} is too long.")
    return value


def _fits(value: str) -> bool:
    return len(value) <= MAX_LENGTH and len(value.encode()) <= MAX_LENGTH


def _prompts(parameters: Parameters) -> frozenset[str]:
    asked = split_scope(parameters.get("prompt"))
    if "none" in asked and len(asked) > 1:
        raise _RefusedError("invalid_request", "prompt=none stands alone.")
    return asked & PROMPTS


def _max_age(client: Client, parameters: Parameters) -> int | None:
    value = parameters.get("max_age")
    if value is None:
        return client.default_max_age
    if not _MAX_AGE.fullmatch(value):
        raise _RefusedError("invalid_request", "The max_age must be a number of seconds.")
    return min(int(value), _LONGEST_MAX_AGE)


def _login_hint(parameters: Parameters) -> str | None:
    hint = parameters.get("login_hint")
    return hint[:200] if hint else None


def _claims(parameters: Parameters) -> ClaimsParameter:
    text = parameters.get("claims")
    if text is None:
        return ClaimsParameter()
    try:
        return parse_claims_parameter(text)
    except MalformedClaimsError as error:
        raise _RefusedError("invalid_request", "The claims parameter is malformed.") from error


def _dpop_jkt(client: Client, parameters: Parameters) -> str | None:
    """Return the thumbprint of the key that the code is to be bound to; a client without DPoP binds nothing."""
    thumbprint = parameters.get("dpop_jkt")
    if thumbprint is None or client.dpop_bound_access_tokens is False:
        return None
    if not _THUMBPRINT.fullmatch(thumbprint):
        raise _RefusedError("invalid_request", "The dpop_jkt must be the SHA-256 thumbprint of a key.")
    return thumbprint


def _acr_values(parameters: Parameters, claims: ClaimsParameter) -> frozenset[str]:
    """Return the classes of ours that are wished for; others are ignored (OpenID Connect Core s3.1.2.1)."""
    return (split_scope(parameters.get("acr_values")) | claims.acr_values) & set(ACRS)


def _hinted_subject(checks: AuthorizationRequestChecks, parameters: Parameters) -> str | None:
    """Return whom the id_token_hint names: a token of ours, whoever it was for and however old."""
    hint = parameters.get("id_token_hint")
    if hint is None:
        return None
    in_bounds = len(hint) <= MAX_HINT_LENGTH
    claims = verify_own_id_token(checks.signer, hint, issuer=checks.issuer) if in_bounds else None
    if claims is None:
        raise _RefusedError("invalid_request", "The id_token_hint is not an ID token of this provider.")
    return str(claims.get("sub"))


def _subjects(claims: ClaimsParameter, hinted: str | None) -> frozenset[str] | None:
    if hinted is None:
        return claims.subjects
    if claims.subjects is not None and hinted not in claims.subjects:
        raise _RefusedError("invalid_request", "The id_token_hint and the claims parameter name different users.")
    return frozenset({hinted})
