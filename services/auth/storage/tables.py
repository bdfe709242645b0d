"""The whole schema of auth on one screen. Secrets are digests or ciphertext, never themselves."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

from shared.database import Json, UtcDateTime, new_metadata

metadata = new_metadata()


def _index_where(name: str, column: str, where: str, *, unique: bool = False) -> Index:
    return Index(name, column, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


apis = Table(
    "apis",
    metadata,
    Column("identifier", String(300), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("scopes", Json, nullable=False),  # [{name, description, machine_only, role}]
    Column("position", Integer, nullable=False),  # the order in which audiences are listed
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(200), primary_key=True),
    Column("metadata", Json, nullable=False),  # RFC 7591 names
    Column("configured_secret_hash", LargeBinary(32)),  # the configuration file's, as last applied
    Column("disabled_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

#: The status place of each machine client; a retired one is kept until no token with it can live.
machine_places = Table(
    "machine_places",
    metadata,
    Column("status_shard", Integer, primary_key=True),
    Column("status_index", Integer, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    _index_where("uq_machine_places_live", "client_id", "retired_at IS NULL", unique=True),
)

client_secrets = Table(
    "client_secrets",
    metadata,
    Column("client_id", ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
    Column("secret_hash", LargeBinary(32), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)

assertion_jtis = Table(  # client assertions that were used; an expired row is of no use
    "assertion_jtis",
    metadata,
    Column("client_id", String(200), primary_key=True),
    Column("jti_hash", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

revoked_access_tokens = Table(  # by themselves; an expired row is of no use
    "revoked_access_tokens",
    metadata,
    Column("jti_hash", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(200), nullable=False, unique=True),
    Column("password_hash", Text),
    Column("claims", Json, nullable=False),  # standard claims (OpenID Connect Core s5.1)
    Column("team", String(100)),
    Column("roles", Json, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("tokens_valid_from", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

totp_credentials = Table(
    "totp_credentials",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

failure_budgets = Table(
    "failure_budgets",
    metadata,
    Column("budget_key", LargeBinary(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
)

known_devices = Table(
    "known_devices",
    metadata,
    Column("device_hash", LargeBinary(32), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("created_at", UtcDateTime, nullable=False),
)

browser_sessions = Table(
    "browser_sessions",
    metadata,
    Column("id", Uuid, primary_key=True),  # the `sid` of tokens
    Column("cookie_hash", LargeBinary(32), nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("password_at", UtcDateTime, nullable=False),
    Column("mfa_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("idle_expires_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)

waiting_requests = Table(
    "waiting_requests",
    metadata,
    Column("handle_hash", LargeBinary(32), primary_key=True),
    Column("browser_hash", LargeBinary(32)),  # NULL until the first browser comes for it
    Column("request", Json, nullable=False),
    Column("first_factor_user_id", Uuid),
    Column("first_factor_at", UtcDateTime),
    Column("signed_in_session_id", Uuid),
    Column("continued_session_id", Uuid),
    Column("consented_session_id", Uuid),
    Column("pushed", Boolean, nullable=False, server_default=false()),  # by its client, until a browser comes for it
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("completed_at", UtcDateTime),
)

#: What a user has allowed a client: one row a scope, so that two consents at once add up.
consents = Table(
    "consents",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("client_id", ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
    Column("scope", String(200), primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
)

authorization_codes = Table(
    "authorization_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("session_id", ForeignKey("browser_sessions.id"), nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", String(128)),
    Column("nonce", Text),
    Column("scopes", Json, nullable=False),
    Column("resources", Json, nullable=False),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("acr", String(200), nullable=False),
    Column("amr", Json, nullable=False),
    Column("claims", Json),  # those asked for by name; NULL: none
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("family_id", Uuid),
)

#: One row a family: one sign-in of one app install. There is no row for a token.
families = Table(
    "families",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False, index=True),
    Column("user_id", ForeignKey("users.id"), nullable=False, index=True),
    Column("session_id", ForeignKey("browser_sessions.id"), nullable=False, index=True),
    Column("scopes", Json, nullable=False),
    Column("resources", Json, nullable=False),
    Column("auth_time", UtcDateTime, nullable=False),
    Column("acr", String(200), nullable=False),
    Column("amr", Json, nullable=False),
    Column("claims", Json),  # those asked for by name; NULL: none
    Column("seed_hash", LargeBinary(32), nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("mac_kid", LargeBinary(4), nullable=False),
    Column("rotated_at", UtcDateTime, nullable=False),
    Column("replays", Integer, nullable=False),
    Column("origin_hash", LargeBinary(32), nullable=False),  # the agent that rotated last
    Column("moved", Boolean, nullable=False),  # another agent retried the last rotation
    Column("streak", Integer, nullable=False),  # rotations after such a retry, until there were ten in a row without
    Column("steady", Integer, nullable=False, server_default="0"),  # rotations in a row without such a retry
    Column("idle_expires_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("revoked_at", UtcDateTime),
    Column("revoked_why", String(100)),
    Column("device_label", String(200)),
    Column("last_network", String(100), nullable=False),
    Column("last_agent", String(300), nullable=False),
    Column("dpop_thumbprint", String(43)),
    Column("status_shard", Integer, nullable=False),
    Column("status_index", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("status_shard", "status_index"),
)

#: The Token Status List: one bit a sign-in or machine client. The version moves with every change of the bits.
status_shards = Table(
    "status_shards",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("machine", Boolean, nullable=False),  # places of machine clients, or of families
    Column("filling", Boolean, nullable=False),  # places are drawn here
    Column("version", BigInteger, nullable=False),
    Column("bits", LargeBinary, nullable=False),
)

waiting_logouts = Table(  # logout requests that wait for their browser or for a person's yes
    "waiting_logouts",
    metadata,
    Column("handle_hash", LargeBinary(32), primary_key=True),
    Column("browser_hash", LargeBinary(32)),  # NULL until the first browser comes for it
    Column("request", Json, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("completed_at", UtcDateTime),
)

#: The outbox: which client is to be told that which session is over. `id` is the `jti`.
logout_notices = Table(
    "logout_notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False),
    Column("user_id", Uuid, nullable=False),
    Column("session_id", Uuid, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", UtcDateTime, nullable=False),
    Column("outcome", String(20)),  # delivered, refused, given_up, dropped; NULL: still to be delivered
    Column("finished_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("session_id", "client_id"),
    _index_where("ix_logout_notices_due", "next_attempt_at", "outcome IS NULL"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", String(43), primary_key=True),
    Column("state", String(20), nullable=False),  # announced, active, retired, removed
    Column("jwk", Json, nullable=False),  # the public half
    Column("sealed_private_key", LargeBinary, nullable=False),  # empty once removed
    Column("created_at", UtcDateTime, nullable=False),
    Column("activated_at", UtcDateTime),
    Column("retired_at", UtcDateTime),
    Column("removed_at", UtcDateTime),
    _index_where("uq_signing_keys_active", "state", "state = 'active'", unique=True),
)

key_set_versions = Table(  # one row: moved by every change of signing_keys, so that running processes notice
    "key_set_versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)

#: Appended to, never changed: triggers refuse UPDATE and DELETE (see the first migration).
audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("event", String(100), nullable=False),
    Column("user_id", Uuid, index=True),
    Column("client_id", String(200)),
    Column("session_id", Uuid),
    Column("family_id", Uuid, index=True),
    Column("network", String(100)),
    Column("agent", String(300)),
    Column("details", Json, nullable=False),
)
