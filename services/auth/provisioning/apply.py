"""Bringing the database to what a configuration file says: each change planned, then made.

Policy: ADR-0066. Applying is idempotent. What the file does not name stays as it is, unless it is told to prune.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from services.auth.accounts.email_address import parse_email_address
from services.auth.accounts.password import hash_password, verify_password
from services.auth.accounts.sealed_password import open_hash, seal_hash
from services.auth.accounts.totp import TotpCredential, seal_totp_secret, totp_label
from services.auth.clients.registration import ClientMetadata
from services.auth.keys.encryption import decrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.opaque_token import digest
from services.auth.provisioning.client_entry import ClientEntry, stored_metadata, wire_metadata
from services.auth.provisioning.entries import ApiEntry, UserEntry
from services.auth.provisioning.parse import Configuration
from services.auth.provisioning.plan import Change, differing
from services.auth.revocation import EndStores, end_machine_tokens, end_user, set_enabled
from services.auth.tokens.end_reason import EndReason
from shared.errors import ConfigurationError


class ConfigurationStore(Protocol):
    """The port that storage implements. A user is found by sub; secrets are seen as digests."""

    def issuer(self) -> str | None:
        """Return the issuer that tokens name, None before the first start."""
        ...

    def put_issuer(self, issuer: str) -> None: ...

    def apis(self) -> dict[str, dict[str, Any]]:
        """Return name and scopes of every API, by identifier."""
        ...

    def remove_api(self, identifier: str) -> None: ...

    def put_api(self, identifier: str, name: str, scopes: list[dict[str, Any]]) -> None: ...

    def client(self, client_id: str) -> tuple[dict[str, Any], bytes | None] | None:
        """Return its metadata, and the digest of the secret that the file gave it when last applied."""
        ...

    def put_client(self, client_id: str, metadata: dict[str, Any], now: datetime) -> None: ...

    def enabled_clients(self) -> list[str]:
        """Return the id of every client that is not disabled."""
        ...

    def put_client_secret(self, client_id: str, secret_hash: bytes | None, now: datetime) -> int:
        """Add the file's secret as the newest of two, and return how many older ones were dropped.

        None: the client holds none any more.
        """
        ...

    def user(self, user_id: UUID) -> dict[str, Any] | None: ...

    def enabled_users(self) -> dict[UUID, str]:
        """Return the name of every user who is not disabled."""
        ...

    def owner_of(self, key: str) -> UUID | None:
        """Return who signs in by this user name or verified address."""
        ...

    def put_user(self, user_id: UUID, columns: dict[str, Any], now: datetime) -> None: ...

    def totp(self, user_id: UUID) -> TotpCredential | None: ...

    def put_totp(self, user_id: UUID, sealed_secret: bytes | None, now: datetime) -> None: ...

    @property
    def ends(self) -> EndStores:
        """What a changed password, factor or client key ends things in, in the same transaction."""
        ...


@dataclass(frozen=True)
class _Applying:
    """One run: where it writes, or only says what it would."""

    store: ConfigurationStore
    keys: KeyRing
    write: bool
    now: datetime

    def issuer(self, wanted: str | None) -> Iterator[Change]:
        """Move the issuer, if one is named; the first one is not a change."""
        before = self.store.issuer()
        if wanted is None or wanted == before:
            return
        if before is not None:
            yield Change("change", "issuer", wanted, breaks=f"every token that names {before} is refused")
        if self.write:
            self.store.put_issuer(wanted)

    def apis(self, apis: list[ApiEntry], *, prune: bool) -> Iterator[Change]:
        present = self.store.apis()
        wanted = {api.identifier: {scope.name for scope in api.scopes} for api in apis}
        for identifier, stored in present.items():
            if identifier in wanted:
                continue
            held = {scope["name"] for scope in stored["scopes"]}
            # a scope belongs to one API: one that is stored under another address has moved
            moved = next((address for address, names in wanted.items() if held & names), None)
            if moved is None and not prune:
                continue
            breaks = f"tokens for {identifier} lose it" + ("" if moved is None else f"; its scopes move to {moved}")
            yield Change("remove", "api", identifier, breaks=breaks)
            if self.write:
                self.store.remove_api(identifier)
        for api in apis:
            scopes = [scope.model_dump() for scope in api.scopes]
            wants: dict[str, Any] = {"name": api.name, "scopes": scopes}
            before = present.get(api.identifier)
            if before == wants:
                continue
            fields = [] if before is None else differing(before, wants)
            yield Change("add" if before is None else "change", "api", api.identifier, fields)
            if self.write:
                self.store.put_api(api.identifier, api.name, scopes)

    def client(self, client: ClientEntry) -> Iterator[Change]:
        """Write what has changed. A secret that is in the file as before is left alone: it may have been rotated since,
        and must neither come back nor push a newer one out.
        """
        secret = digest(client.client_secret) if client.client_secret else None
        kept = self.store.client(client.client_id)
        wants = client.registered()
        if kept is None:
            yield Change("add", "client", client.client_id)
            if self.write:
                self.store.put_client(client.client_id, client.metadata(), self.now)
                self.store.put_client_secret(client.client_id, secret, self.now)
            return
        before, new_secret = stored_metadata(client.client_id, kept[0]), kept[1] != secret
        fields = differing(wire_metadata(before), wire_metadata(wants))
        if not fields and not new_secret:
            return
        yield Change("change", "client", client.client_id, [*fields, *(["client_secret"] if new_secret else [])])
        if self.write:
            self.store.put_client(client.client_id, client.metadata(), self.now)
            dropped = self.store.put_client_secret(client.client_id, secret, self.now) if new_secret else 0
            if dropped or _lost_a_key(before, wants):
                end_machine_tokens(
                    self.store.ends, client.client_id, reason=EndReason.CLIENT_REKEYED, origin=None, now=self.now
                )

    def user(self, user: UserEntry) -> Iterator[Change]:
        """Write what the entry says; a member that it leaves out stays as it is, the second factor above all."""
        self._require_free(user)
        kept = self.store.user(user.sub)
        before: dict[str, Any] = dict(kept) if kept else {}
        old_hash = before.pop("password_hash", None)
        said = {"username"} | (user.model_fields_set & {"claims", "team", "roles"})
        columns = {
            name: getattr(user, name) if kept is None or name in said else before[name]
            for name in ("username", "claims", "team", "roles")
        }
        same_password = _has_password(user, open_hash(self.keys, user.sub, old_hash))
        credential = self.store.totp(user.sub)
        factor = user.totp_secret if "totp_secret" in user.model_fields_set else self._opened(user.sub, credential)
        same_factor = factor == self._opened(user.sub, credential)
        fields = [] if kept is None else differing(before, columns)
        fields += ["password"] if not same_password and kept is not None else []
        verb = "remove" if factor is None and not same_factor else "add" if credential is None else "change"
        if kept is None:
            yield Change("add", "user", user.username)
        elif fields:
            yield Change("change", "user", user.username, fields)
        if not same_factor:
            yield Change(verb, "second factor of user", user.username)
        if not self.write:
            return
        if kept is None or fields:
            password_hash = old_hash if same_password else _new_hash(self.keys, user)
            self.store.put_user(user.sub, {**columns, "password_hash": password_hash}, self.now)
        if not same_factor:
            self.store.put_totp(user.sub, seal_totp_secret(self.keys, user.sub, factor) if factor else None, self.now)
        if old_hash is not None and not same_password:
            end_user(self.store.ends, user.sub, reason=EndReason.PASSWORD_CHANGED, origin=None, now=self.now)
        elif credential is not None and not same_factor:
            end_user(self.store.ends, user.sub, reason=EndReason.SECOND_FACTOR_CHANGED, origin=None, now=self.now)

    def _require_free(self, user: UserEntry) -> None:
        if self.store.owner_of(user.username) not in {None, user.sub}:
            raise ConfigurationError(f"users: the user name {user.username} is another user's")
        email = user.claims.get("email")
        if email and self.store.owner_of(parse_email_address(email).key) not in {None, user.sub}:
            raise ConfigurationError(f"users: the e-mail address of {user.username} is another user's")

    def unnamed(self, configuration: Configuration) -> Iterator[Change]:
        """Disable the users and clients that the sections of the file do not name; the rows stay for the audit."""
        if "clients" in configuration.model_fields_set:
            clients = {client.client_id for client in configuration.clients}
            for client_id in self.store.enabled_clients():
                if client_id not in clients:
                    yield self._disable("client", client_id, client_id)
        if "users" in configuration.model_fields_set:
            subjects = {user.sub for user in configuration.users}
            named = {sub: name for sub, name in self.store.enabled_users().items() if sub not in subjects}
            for subject, name in named.items():
                yield self._disable("user", name, subject)

    def _disable(self, noun: str, name: str, subject: str | UUID) -> Change:
        if self.write:
            set_enabled(self.store.ends, subject, enabled=False, origin=None, now=self.now)
        return Change("disable", noun, name)

    def _opened(self, user_id: UUID, credential: TotpCredential | None) -> str | None:
        if credential is None:
            return None
        return decrypt(self.keys, credential.sealed_secret, belongs_to=totp_label(user_id)).decode()


def apply_configuration(
    store: ConfigurationStore,
    configuration: Configuration,
    *,
    keys: KeyRing,
    write: bool,
    now: datetime,
    prune: bool = False,
    confirmed: bool = True,
    issuer: str | None = None,
) -> list[str]:
    """Bring the database to what the file says, and to the issuer that the settings name.

    Returns: one line a change, made or (without `write`) to be made; none: nothing to do.

    Raises:
        ConfigurationError: a user name is taken, or a change that breaks live tokens is not `confirmed`.
    """
    run = _Applying(store, keys, write, now)
    prune_apis = prune and "apis" in configuration.model_fields_set
    changes = [*run.issuer(issuer), *run.apis(configuration.apis, prune=prune_apis)]
    if write and not confirmed and (breaking := [change for change in changes if change.breaks]):
        said = "; ".join(f"{change}: {change.breaks}" for change in breaking)
        raise ConfigurationError(f"{said}. Nothing was changed: look at it with --plan, then apply with --yes")
    for client in configuration.clients:
        changes += run.client(client)
    for user in configuration.users:
        changes += run.user(user)
    if prune:
        changes += run.unnamed(configuration)
    return [str(change) for change in changes]


def _has_password(user: UserEntry, old_hash: str | None) -> bool:
    """Report whether the entry asks for no other password than is there."""
    if user.password is not None:
        return verify_password(user.password, old_hash)
    return user.password_hash is None or old_hash is not None


def _new_hash(keys: KeyRing, user: UserEntry) -> str | None:
    password_hash = user.password_hash if user.password is None else hash_password(user.password)
    return None if password_hash is None else seal_hash(keys, user.sub, password_hash)


def _lost_a_key(before: ClientMetadata, after: ClientMetadata) -> bool:
    """Report whether an assertion that was good is so no more."""
    return not set(before.assertion_keys) <= set(after.assertion_keys)
