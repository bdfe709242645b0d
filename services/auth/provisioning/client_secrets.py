"""The secrets of a client: made here, known by their digests, two at a time so that they can be changed without a gap.

Policy: ADR-0019; Spec: RFC 6749 s2.3.1 and s10.1, RFC 9700 s2.5
A secret is 256 random bits, so SHA-256 keeps it well. The newest two are good; a third drops the oldest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from services.auth.audit import AuditEvent
from services.auth.clients.client import Client
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.revocation import EndStores, end_machine_tokens
from services.auth.tokens.end_reason import EndReason
from shared.errors import ConfigurationError


@dataclass(frozen=True)
class ClientSummary:
    """What an operator is shown of a client: its metadata, and since when each of its secrets has been good."""

    client_id: str
    metadata: dict[str, Any]
    disabled_at: datetime | None
    secrets_since: tuple[datetime, ...]


class ClientSecrets(Protocol):
    """The port that storage implements."""

    def add(self, client_id: str, secret_hash: bytes, now: datetime) -> int:
        """Add a secret as the newest, keep the one before it, and return how many older ones were dropped."""
        ...

    def drop_old(self, client_id: str) -> int:
        """Keep the newest alone, and return how many were dropped."""
        ...

    def summaries(self, client_id: str | None = None) -> Sequence[ClientSummary]:
        """Return the clients, or this one, by name."""
        ...


class SecretStores(EndStores, Protocol):
    """What a change of secrets writes to."""

    @property
    def client_secrets(self) -> ClientSecrets: ...


def rotate_secret(stores: SecretStores, client_id: str, now: datetime) -> str:
    """Give the client a new secret and return it, for this once. The one before stays good until it is dropped.

    Raises:
        ConfigurationError: no such client, or one that holds no secret.
    """
    _hold(stores, client_id, now)
    secret = mint_opaque_token()
    dropped = stores.client_secrets.add(client_id, digest(secret), now)
    stores.audit.record(AuditEvent("client_secret_rotated", now, client_id=client_id, details={"dropped": dropped}))
    if dropped:
        end_machine_tokens(stores, client_id, reason=EndReason.CLIENT_REKEYED, origin=None, now=now)
    return secret


def drop_old_secrets(stores: SecretStores, client_id: str, now: datetime) -> int:
    """Leave the newest secret alone good, end the tokens that the client got for itself, and return the number dropped.

    Raises:
        ConfigurationError: no such client, or one that holds no secret.
    """
    _hold(stores, client_id, now)
    dropped = stores.client_secrets.drop_old(client_id)
    if dropped:
        stores.audit.record(
            AuditEvent("client_secrets_dropped", now, client_id=client_id, details={"dropped": dropped})
        )
        end_machine_tokens(stores, client_id, reason=EndReason.CLIENT_REKEYED, origin=None, now=now)
    return dropped


def _hold(stores: SecretStores, client_id: str, now: datetime) -> Client:
    """Hold the client's row, so that of two changes at once the second one sees the first."""
    stores.clients.touch(client_id, now)
    client = stores.clients.find(client_id)
    if client is None:
        raise ConfigurationError(f"there is no client {client_id!r}")
    if not any(method.startswith("client_secret_") for method in client.auth_methods):
        raise ConfigurationError(f"{client_id} holds no secret: it authenticates by {', '.join(client.auth_methods)}")
    return client
