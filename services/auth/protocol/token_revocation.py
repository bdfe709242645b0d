"""Token revocation: a refresh token ends its family; an access token of a public client ends itself alone.

Spec: RFC 7009; Policy: ADR-0009, ADR-0072
Whoever has seen a lesser token must not end the greater grant: a confidential client proves who it is, and may end its
family by an access token; a machine's token ends all that the machine has. An expired token ends nothing.
Another client's token is refused; one that is unknown or dead is answered as one that was ended, and the hint is
ignored: a token of ours tells by itself what it is.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.auth.audit import AuditEvent, Refusal
from services.auth.clients.client import Client
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.signer import Signer
from services.auth.protocol.client_authentication import ClientAuthentication
from services.auth.protocol.errors import InvalidGrant, UnsupportedTokenType
from services.auth.protocol.parameters import ClientRequest
from services.auth.revocation import EndStores, end_machine_tokens
from services.auth.tokens.access_token import OwnAccessToken, RevokedAccessTokens, verify_own_access_token
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import FamilyState, end_family
from services.auth.tokens.refresh_token import parse_refresh_token
from shared.clock import moment


class RevocationStores(EndStores, Protocol):
    """What a revocation reads and writes."""

    @property
    def revoked_access_tokens(self) -> RevokedAccessTokens: ...


class RevocationDatabase(Protocol):
    """Opens the stores, for one statement or in one transaction."""

    def autocommit(self) -> AbstractContextManager[RevocationStores]: ...

    def transaction(self) -> AbstractContextManager[RevocationStores]: ...


class MachineStatusCache(Protocol):
    """Who keeps the references of machine clients, and must look for them anew when one was taken away."""

    def forget_machine_statuses(self) -> None: ...


@dataclass(frozen=True)
class TokenRevocation:
    """Answers /revoke."""

    authentication: ClientAuthentication
    database: RevocationDatabase
    machine_statuses: MachineStatusCache
    mac_keys: KeyRing
    signer: Signer
    issuer: str

    def answer(self, request: ClientRequest) -> dict[str, object]:
        """End what the token belongs to, and return the empty answer.

        Raises:
            OAuthError: the client is not who it claims to be, or the token is another client's.
        """
        request.refuse_repeated()
        client = self.authentication.authenticate(request)
        text = request.require("token", "The token is missing.")
        refresh_token = parse_refresh_token(self.mac_keys, text)
        if refresh_token is not None:
            family = self._family(refresh_token.family_id)
            if family is not None and family.seed_hash == refresh_token.seed_hash:
                self._end_family(request, client, family)
            return {}
        access_token = verify_own_access_token(self.signer, text, issuer=self.issuer, now=request.now)
        if access_token is not None:
            self._end_access_token(request, client, access_token)
        return {}

    def _end_access_token(self, request: ClientRequest, client: Client, token: OwnAccessToken) -> None:
        if token.family_id is None:
            self._end_machine_tokens(request, client, token)
            return
        family = self._family(token.family_id)
        if family is None:
            return
        if token.traded:  # not by the API's word does a person's sign-in end
            if token.client_id == client.client_id:
                raise UnsupportedTokenType
            raise InvalidGrant(Refusal.REVOCATION_OF_ANOTHER_CLIENTS_TOKEN)
        if client.public and family.authorization.client_id == client.client_id:
            self._end_alone(request, token)
            return
        self._end_family(request, client, family)

    def _end_alone(self, request: ClientRequest, token: OwnAccessToken) -> None:
        with self.database.transaction() as stores:
            if stores.revoked_access_tokens.add(token.jti, expires_at=moment(token.expires_at), now=request.now):
                stores.audit.record(
                    AuditEvent(
                        "access_token_revoked",
                        request.now,
                        user_id=token.user_id,
                        client_id=token.client_id,
                        family_id=token.family_id,
                        origin=request.origin,
                    )
                )

    def _end_family(self, request: ClientRequest, client: Client, family: FamilyState) -> None:
        if family.authorization.client_id != client.client_id:
            raise InvalidGrant(Refusal.REVOCATION_OF_ANOTHER_CLIENTS_FAMILY)
        with self.database.transaction() as stores:
            end_family(stores, family, reason=EndReason.REVOKED_BY_CLIENT, origin=request.origin, now=request.now)

    def _end_machine_tokens(self, request: ClientRequest, client: Client, token: OwnAccessToken) -> None:
        if token.client_id != client.client_id:
            raise InvalidGrant(Refusal.REVOCATION_OF_ANOTHER_MACHINES_TOKEN)
        with self.database.transaction() as stores:
            if stores.machine_statuses.find(token.client_id) != token.status:
                return  # it was ended before; what the machine got since then is not meant
            reason = EndReason.MACHINE_TOKENS_REVOKED
            end_machine_tokens(stores, token.client_id, reason=reason, origin=request.origin, now=request.now)
        self.machine_statuses.forget_machine_statuses()

    def _family(self, family_id: UUID) -> FamilyState | None:
        with self.database.autocommit() as stores:
            return stores.families.find(family_id)
