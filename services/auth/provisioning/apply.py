"""Bringing the database to what a configuration file says: each change planned, then made.

Applying is idempotent; what the file does not name stays as it is.
"""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.auth.accounts.password import hash_password, verify_password
from services.auth.accounts.totp import TotpCredential, seal_totp_secret, totp_label
from services.auth.keys.encryption import decrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.opaque_token import digest
from services.auth.provisioning.entries import ApiEntry, UserEntry
from services.auth.provisioning.parse import ClientEntry, Configuration
from services.auth.revocation import EndStores, end_machine_tokens, end_user
from shared.errors import ConfigurationError


class ConfigurationStore(Protocol):
    """The port that storage implements. A user is found by sub; secrets are seen as digests."""

    def apis(self) -> dict[str, dict[str, Any]]:
        """Return name and scopes of every API, by identifier."""
        ...

    def remove_api(self, identifier: str) -> None: ...

    def put_api(self, identifier: str, name: str, scopes: list[dict[str, Any]]) -> None: ...

    def client(self, client_id: str) -> tuple[dict[str, Any], bytes | None] | None:
        """Return its metadata, and the digest of the secret that the file gave it when last applied."""
        ...

    def put_client(self, client_id: str, metadata: dict[str, Any], now: datetime) -> None: ...

    def put_client_secret(self, client_id: str, secret_hash: bytes | None, now: datetime) -> int:
        """Add the file's secret as the newest of two, and return how many older ones were dropped.

        None: the client holds none any more.
        """
        ...

    def user(self, user_id: UUID) -> dict[str, Any] | None: ...

    def user_named(self, username: str) -> UUID | None: ...

    def put_user(self, user_id: UUID, columns: dict[str, Any], now: datetime) -> None: ...

    def totp(self, user_id: UUID) -> TotpCredential | None: ...

    def put_totp(self, user_id: UUID, sealed_secret: bytes | None, now: datetime) -> None: ...

    @property
    def ends(self) -> EndStores:
        """What a changed password, factor or client key ends things in, in the same transaction."""
        ...


def apply_configuration(
    store: ConfigurationStore, configuration: Configuration, *, keys: KeyRing, write: bool, now: datetime
) -> list[str]:
    """Bring the database to what the file says.

    Returns: one line a change, made or (without `write`) to be made; none: nothing to do.
    """
    changes = _apply_apis(store, configuration.apis, write=write)
    for client in configuration.clients:
        changes += _apply_client(store, client, write=write, now=now)
    for user in configuration.users:
        changes += _apply_user(store, user, keys=keys, write=write, now=now)
    return changes


def _apply_client(store: ConfigurationStore, client: ClientEntry, *, write: bool, now: datetime) -> list[str]:
    """Write what has changed. A secret that stands in the file as before is left alone: it may have been rotated since,
    and must neither come back nor push a newer one out.
    """
    secret = digest(client.client_secret) if client.client_secret else None
    present = store.client(client.client_id)
    if present == (client.metadata(), secret):
        return []
    if write:
        store.put_client(client.client_id, client.metadata(), now)
        new_secret = present is None or present[1] != secret
        dropped = store.put_client_secret(client.client_id, secret, now) if new_secret else 0
        if dropped or (present is not None and _lost_a_key(present[0], client.metadata())):
            end_machine_tokens(store.ends, client.client_id, why="client_rekeyed", origin=None, now=now)
    return [f"client {client.client_id}"]


def _lost_a_key(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Say whether an assertion that was good is so no more."""
    held, kept = (metadata.get("jwks", {}).get("keys", []) for metadata in (before, after))
    return any(key not in kept for key in held)


def _apply_apis(store: ConfigurationStore, apis: list[ApiEntry], *, write: bool) -> list[str]:
    present, changes = store.apis(), []
    wanted = {api.identifier: {scope.name for scope in api.scopes} for api in apis}
    for identifier, stored in present.items():
        held = {scope["name"] for scope in stored["scopes"]}
        # a scope belongs to one API: one that stands there under another address now has moved
        if identifier not in wanted and any(held & names for names in wanted.values()):
            changes.append(f"api {identifier}: removed, its scopes have moved")
            if write:
                store.remove_api(identifier)
    for api in apis:
        scopes = [scope.model_dump() for scope in api.scopes]
        if present.get(api.identifier) != {"name": api.name, "scopes": scopes}:
            changes.append(f"api {api.identifier}")
            if write:
                store.put_api(api.identifier, api.name, scopes)
    return changes


def _apply_user(store: ConfigurationStore, user: UserEntry, *, keys: KeyRing, write: bool, now: datetime) -> list[str]:
    if store.user_named(user.username) not in {None, user.sub}:
        raise ConfigurationError(f"users: the user name {user.username} is another user's")
    present = store.user(user.sub)
    columns: dict[str, Any] = {
        "username": user.username,
        "claims": user.claims,
        "team": user.team,
        "roles": user.roles,
    }
    changes, over = [], None
    old_hash = present.pop("password_hash") if present else None
    same_password = verify_password(user.password, old_hash)
    if present != columns or not same_password:
        changes.append(f"user {user.username}")
        over = "password_changed" if old_hash is not None and not same_password else None
        if write:
            store.put_user(user.sub, {**columns, "password_hash": hash_password(user.password)}, now)
    credential = store.totp(user.sub)
    held = decrypt(keys, credential.sealed_secret, belongs_to=totp_label(user.sub)).decode() if credential else None
    if held != user.totp_secret:
        changes.append(f"second factor of {user.username}")
        if write:
            sealed = seal_totp_secret(keys, user.sub, user.totp_secret) if user.totp_secret else None
            store.put_totp(user.sub, sealed, now)
        over = over or ("second_factor_changed" if held is not None else None)
    if write and over is not None:
        end_user(store.ends, user.sub, why=over, origin=None, now=now)
    return changes
