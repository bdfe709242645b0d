"""DPoP at the provider: the proof of a request, looked at before anything is used up, and each one good once.

Spec: RFC 9449 s4.3, s5, s5.1, s8, s10.1 and s11.1; Policy: ADR-0100
The address of a request is made from the issuer, never from the Host header. A client that sends no proof costs
nothing here.
"""

import hmac
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.auth.audit import Refusal
from services.auth.clients.client import Client
from services.auth.keys.key_ring import KeyRing
from services.auth.protocol.errors import InvalidDpopProof, UseDpopNonce
from services.auth.protocol.parameters import ClientRequest
from shared.dpop.nonces import Nonces
from shared.dpop.proof import BadProof, NonceNeeded, ProofRules


class UsedProofs(Protocol):
    """The port that storage implements."""

    def use(self, proof_id: bytes, *, expires_at: datetime, now: datetime) -> bool:
        """Write a proof down, in one statement; False when it was there."""
        ...


class ProofStores(Protocol):
    """Where proofs are used up."""

    @property
    def proofs(self) -> UsedProofs: ...


class ProofDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[ProofStores]: ...


@dataclass(frozen=True)
class DpopProofs:
    """Which key a request proves to hold. `require_nonce`: every proof must hold one, not a late one alone."""

    database: ProofDatabase
    issuer: str
    nonces: Nonces
    require_nonce: bool

    def proved(self, request: ClientRequest, client: Client) -> ClientRequest:
        """Return the request with the key that its proof shows; without a proof it is returned as it came.

        A client that is registered without DPoP is answered as if it had sent no proof.

        Raises:
            InvalidDpopProof: the proof shows nothing or was used before, or there is none and the client must send one.
            UseDpopNonce: it must hold a nonce.
        """
        if request.proofs and client.dpop_bound_access_tokens is not False:
            return replace(request, jkt=self.key_of(request.proofs, "POST", request.path, request.now))
        if client.dpop_bound_access_tokens:
            raise InvalidDpopProof(Refusal.DPOP_PROOF_REQUIRED, "This client must send a DPoP proof.")
        return request

    def key_of(
        self, proofs: Sequence[str], method: str, path: str, now: datetime, *, access_token: str | None = None
    ) -> str:
        """Return the thumbprint of the key of a request's one proof, and use that up.

        Raises:
            InvalidDpopProof, UseDpopNonce: as `proved` does.
        """
        if not proofs:
            raise InvalidDpopProof(Refusal.DPOP_PROOF_MISSING)
        if len(proofs) > 1:
            raise InvalidDpopProof(Refusal.DPOP_PROOF_REPEATED)
        rules = ProofRules(self.nonces, self.require_nonce)
        address = f"{self.issuer}{path}"
        try:
            proof = rules.verify(proofs[0], method=method, address=address, now=now, access_token=access_token)
        except BadProof as error:
            raise InvalidDpopProof(Refusal.DPOP_PROOF_REFUSED) from error
        except NonceNeeded as error:
            raise UseDpopNonce(self.nonces.fresh(now)) from error
        with self.database.autocommit() as stores:
            if not stores.proofs.use(proof.id, expires_at=proof.good_until, now=now):
                raise InvalidDpopProof(Refusal.DPOP_PROOF_REPLAYED)
        return proof.jkt

    def answer_headers(self, proofs: Sequence[str], now: datetime) -> dict[str, str]:
        """Return the next nonce, for whoever sent a proof, where every proof must hold one (RFC 9449 s8.2)."""
        return {"DPoP-Nonce": self.nonces.fresh(now)} if proofs and self.require_nonce else {}


def nonces_under(mac_keys: KeyRing) -> Nonces:
    """Return the nonces under keys that are derived from the MAC keys of refresh tokens, and rotate with them."""
    ordered = [mac_keys.current_key, *(key for kid, key in mac_keys.keys.items() if kid != mac_keys.current)]
    return Nonces([hmac.digest(key, b"dpop-nonce-key", "sha256") for key in ordered])
