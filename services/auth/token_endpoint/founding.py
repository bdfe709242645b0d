"""What founds a family: the redemption of what a person has allowed, by an authorization code or for a device.

Spec: RFC 6749 s4.1.4, RFC 8628 s3.5; Policy: ADR-0009
"""

from dataclasses import dataclass

from services.auth.authorization.code import CodeDatabase, Redeemer
from services.auth.clients.client import Client, own_or
from services.auth.keys.key_ring import KeyRing
from services.auth.protocol.parameters import ClientRequest
from services.auth.settings import AuthSettings
from services.auth.token_endpoint.user_tokens import UserTokens
from services.auth.tokens.family import Grant
from services.auth.tokens.issue import Issued
from services.auth.tokens.refresh_token import RefreshToken, mint_refresh_token, new_seed


@dataclass(frozen=True)
class Founding:
    """Founds families with the lifetimes of the client, or of the settings, and issues their first tokens."""

    settings: AuthSettings
    database: CodeDatabase
    tokens: UserTokens
    mac_keys: KeyRing

    def redeemer(self, request: ClientRequest, client: Client) -> Redeemer:
        """Return who redeems, with what the new family gets."""
        return Redeemer(
            seed=new_seed(),
            mac_kid=self.mac_keys.current,
            idle_lifetime=own_or(client.refresh_idle_lifetime, self.settings.refresh_idle_lifetime),
            absolute_lifetime=own_or(client.refresh_absolute_lifetime, self.settings.refresh_absolute_lifetime),
            origin=request.origin,
        )

    def issue(
        self,
        grant: Grant,
        client: Client,
        redeemer: Redeemer,
        *,
        scopes: frozenset[str],
        nonce: str | None,
        request: ClientRequest,
    ) -> Issued:
        """Return the first tokens of a family that was just founded."""
        refresh_token = self._refresh_token(grant, client, redeemer.seed)
        return self.tokens.issue(
            grant, client, scopes=scopes, refresh_token=refresh_token, nonce=nonce, now=request.now
        )

    def _refresh_token(self, grant: Grant, client: Client, seed: bytes) -> str | None:
        if "offline_access" not in grant.authorization.scopes or "refresh_token" not in client.grant_types:
            return None
        content = RefreshToken(grant.family_id, grant.generation, seed)
        return mint_refresh_token(self.mac_keys, content, mac_kid=grant.mac_kid)
