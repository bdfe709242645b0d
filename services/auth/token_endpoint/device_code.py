"""The device grant: a device asks again and again until a person has answered in a browser.

Spec: RFC 8628 s3.4 and s3.5, RFC 9449 s5; Policy: ADR-0130
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from services.auth.audit import Refusal
from services.auth.authorization.code import AuthorizationCode, CodeStores, Parties, redeem
from services.auth.authorization.device import Poll, PollStores, poll
from services.auth.clients.client import Client
from services.auth.opaque_token import digest
from services.auth.protocol.errors import InvalidGrant, Refused
from services.auth.protocol.parameters import ClientRequest
from services.auth.token_endpoint.founding import Founding
from services.auth.tokens.issue import Issued

#: The refusals of a poll: reason, error and sentence.
_HEARD: dict[Poll, tuple[Refusal, str, str]] = {
    Poll.PENDING: (Refusal.DEVICE_PENDING, "authorization_pending", "Nobody has answered yet."),
    Poll.TOO_SOON: (Refusal.DEVICE_POLLED_TOO_SOON, "slow_down", "The device asks too often."),
    Poll.DENIED: (Refusal.DEVICE_DENIED, "access_denied", "The request was not allowed."),
    Poll.EXPIRED: (Refusal.DEVICE_CODE_EXPIRED, "expired_token", "The device code has expired."),
}


class RedemptionStores(CodeStores, PollStores, Protocol):
    """What a redemption reads and writes, and the row of the device."""


class DeviceDatabase(Protocol):
    """Opens those stores in one transaction."""

    def transaction(self) -> AbstractContextManager[RedemptionStores]: ...


@dataclass(frozen=True)
class DeviceCodeGrant:
    """A poll is counted in the database; what a person allowed is redeemed once, as an authorization code is."""

    database: DeviceDatabase
    founding: Founding
    grant_type: str = "urn:ietf:params:oauth:grant-type:device_code"
    event: str = ""  # its redemption is a row

    def authorize(self, request: ClientRequest, client: Client) -> Issued:
        """Answer the poll, with tokens once the person has allowed it."""
        text = request.require("device_code", "The device_code is missing.")
        heard = poll(self.database, text, client.client_id, request.now)
        if heard in _HEARD:
            reason, error, sentence = _HEARD[heard]
            raise Refused(reason, error, sentence)
        redeemer = self.founding.redeemer(request, client)
        with self.database.transaction() as stores:
            code, parties = self._allowed(stores, digest(text)) if heard is Poll.ALLOWED else (None, None)
            if code is None or parties is None:
                raise InvalidGrant(Refusal.DEVICE_CODE_UNKNOWN, "The device code is not valid.")
            scopes = self.founding.tokens.narrow(request, code.authorization.scopes, code.authorization.resources)
            grant = redeem(stores, code.bound(client, request.jkt), parties, redeemer, request.now)
        if grant is None:
            raise InvalidGrant(Refusal.DEVICE_CODE_OVER, "The device code is not valid.")
        return self.founding.issue(grant, client, redeemer, scopes=scopes, nonce=None, request=request)

    def _allowed(
        self, stores: RedemptionStores, device_code_hash: bytes
    ) -> tuple[AuthorizationCode | None, Parties | None]:
        """Return what is kept for the device, with the device's row held after those that a redemption holds.

        A second use is not a stranger's replay, which would end the first one: a device code never leaves its device.
        Of two polls at once the later one sees here that it is too late.
        """
        _, parties = stores.codes.lock(device_code_hash) or (None, None)
        stores.device_authorizations.lock(device_code_hash)
        code = stores.codes.find(device_code_hash)
        return (None, None) if code is None or code.used_at is not None else (code, parties)
