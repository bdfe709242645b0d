"""POST /device_authorization: a device asks for a code that a person types, and for one of its own.

Spec: RFC 8628 s3.1, s3.2 and s6.1; Policy: ADR-0130
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.auth.audit import Refusal
from services.auth.authorization.device import (
    INTERVAL,
    DeviceAuthorization,
    DeviceAuthorizations,
    mint_user_code,
    shown,
)
from services.auth.clients.client import Client
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.protocol.client_authentication import ClientAuthentication
from services.auth.protocol.errors import InvalidScope, InvalidTarget, UnauthorizedClient
from services.auth.protocol.parameters import ClientRequest
from services.auth.scopes import ScopeCatalogue, UnknownResource, split_scope

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"


class Catalogues(Protocol):
    """The port to the scopes that there are."""

    def catalogue(self, now: datetime) -> ScopeCatalogue: ...


class DeviceRequestStores(Protocol):
    """Where it waits."""

    @property
    def device_authorizations(self) -> DeviceAuthorizations: ...


class DeviceRequestDatabase(Protocol):
    """Opens those stores for one statement."""

    def autocommit(self) -> AbstractContextManager[DeviceRequestStores]: ...


@dataclass(frozen=True)
class DeviceRequests:
    """Answers /device_authorization. `page`: the address that people go to; `lifetime`: how long the codes are good."""

    authentication: ClientAuthentication
    catalogues: Catalogues
    database: DeviceRequestDatabase
    page: str
    lifetime: timedelta

    def answer(self, request: ClientRequest) -> dict[str, str | int]:
        """Store the request and return its codes.

        Raises:
            OAuthError: the client does not prove who it is, or may not ask for this.
        """
        request.refuse_repeated()
        request.refuse_authorization_details()
        client = self.authentication.authenticate(request)
        if GRANT_TYPE not in client.grant_types:
            raise UnauthorizedClient(Refusal.DEVICE_GRANT_NOT_REGISTERED)
        catalogue = self.catalogues.catalogue(request.now)
        scopes = _scopes(client, catalogue, request)
        resources = _resources(catalogue, scopes, request)
        device_code = mint_opaque_token()
        with self.database.autocommit() as stores:
            while True:  # two live codes are the same once in 2.6e10
                device = DeviceAuthorization(
                    device_code_hash=digest(device_code),
                    user_code=mint_user_code(),
                    client_id=client.client_id,
                    scopes=scopes,
                    resources=resources,
                    origin=request.origin,
                    created_at=request.now,
                    expires_at=request.now + self.lifetime,
                )
                if stores.device_authorizations.add(device):
                    break
        user_code = shown(device.user_code)
        return {
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": self.page,
            "verification_uri_complete": f"{self.page}?user_code={user_code}",
            "expires_in": int(self.lifetime.total_seconds()),
            "interval": INTERVAL,
        }


def _scopes(client: Client, catalogue: ScopeCatalogue, request: ClientRequest) -> frozenset[str]:
    """Return what is asked for, by the rules of /authorize: unknown scopes are ignored."""
    asked = split_scope(request.get("scope")) & catalogue.names
    if not asked:
        raise InvalidScope(Refusal.DEVICE_SCOPE_UNKNOWN, "A known scope is required.")
    if not asked <= client.scopes:
        raise InvalidScope(Refusal.DEVICE_SCOPE_NOT_REGISTERED, "A requested scope is not available to this client.")
    return asked if "refresh_token" in client.grant_types else asked - {"offline_access"}


def _resources(catalogue: ScopeCatalogue, scopes: frozenset[str], request: ClientRequest) -> tuple[str, ...]:
    asked = request.parameters.all("resource")
    try:
        catalogue.narrow_to_asked(scopes, asked)
        return catalogue.resources(asked)
    except UnknownResource as error:
        raise InvalidTarget(Refusal.DEVICE_RESOURCE_UNKNOWN) from error
