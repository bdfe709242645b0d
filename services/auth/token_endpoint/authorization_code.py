"""The authorization_code grant.

Spec: RFC 6749 s4.1.3, OAuth 2.1 s4.1.3, RFC 7636 s4.6, OpenID Connect Core s3.1.3, RFC 9449 s5 and s10
Policy: ADR-0009, ADR-0100
"""

from dataclasses import dataclass

from services.auth.audit import Refusal, refuse
from services.auth.authorization.code import AuthorizationCode, redeem
from services.auth.clients.client import Client
from services.auth.opaque_token import digest
from services.auth.protocol.errors import InvalidDpopProof, InvalidGrant
from services.auth.protocol.parameters import ClientRequest
from services.auth.protocol.pkce import verify_code_verifier
from services.auth.token_endpoint.founding import Founding
from services.auth.tokens.issue import Issued


@dataclass(frozen=True)
class AuthorizationCodeGrant:
    """Client, redirect URI, PKCE and key are checked, in this order, before the code is used: failing costs nothing."""

    founding: Founding
    grant_type: str = "authorization_code"
    event: str = ""  # its redemption is a row

    def authorize(self, request: ClientRequest, client: Client) -> Issued:
        """Redeem the code: a valid second use ends what the first one has issued."""
        text = request.require("code", "Missing 'code' in request.")
        redeemer = self.founding.redeemer(request, client)
        with self.founding.database.transaction() as stores:
            code, parties = stores.codes.lock(digest(text)) or (None, None)
            if code is None or parties is None:
                raise InvalidGrant(Refusal.CODE_UNKNOWN, "Invalid 'code' in request.")
            if code.authorization.client_id != client.client_id:
                user_id, owner = code.authorization.user_id, code.authorization.client_id
                refuse(Refusal.CODE_OF_ANOTHER_CLIENT, user_id=user_id, issued_to=owner)
                raise InvalidGrant(Refusal.CODE_OF_ANOTHER_CLIENT, "Invalid 'code' in request.")
            _check_binding(request, client, code)
            scopes = self.founding.tokens.narrow(request, code.authorization.scopes, code.authorization.resources)
            grant = redeem(stores, code.bound(client, request.jkt), parties, redeemer, request.now)
        if grant is None:  # raised here, so that the end of the first use is stored
            raise InvalidGrant(Refusal.CODE_OVER, "The code is not valid.")
        return self.founding.issue(grant, client, redeemer, scopes=scopes, nonce=code.nonce, request=request)


def _check_binding(request: ClientRequest, client: Client, code: AuthorizationCode) -> None:
    """Check that the request comes from where the code went, and from who began (RFC 6749 s4.1.3, RFC 7636 s4.6).

    OAuth 2.1 clients don't send redirect_uri here; a code without PKCE has nothing else that binds it.
    """
    redirect_uri = request.get("redirect_uri")
    must_fit = redirect_uri is not None or code.code_challenge is None
    if must_fit and redirect_uri != code.redirect_uri:
        raise InvalidGrant(Refusal.CODE_REDIRECT_URI_DIFFERS, "Invalid 'redirect_uri' in request.")
    verify_code_verifier(request.get("code_verifier"), code.code_challenge, required=client.public)
    if code.authorization.dpop_jkt not in {None, request.jkt}:
        raise InvalidDpopProof(Refusal.CODE_OF_ANOTHER_KEY, "The code is bound to a key; send a DPoP proof of it.")
