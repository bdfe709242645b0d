"""What is asked for, allowed and granted, and how it is revoked."""

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
)

from services.auth.storage.tables.schema import metadata
from shared.database import Json, UtcDateTime

waiting_requests = Table(
    "waiting_requests",
    metadata,
    Column("handle_hash", LargeBinary(32), primary_key=True),
    Column("browser_hash", LargeBinary(32), index=True),  # NULL until the first browser comes for it
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
    Column("outcome", String(40)),  # what the client was answered: "code", or the error; NULL: nothing
    Column("notice", Json),  # what a page says of the last try
    Column("network", String(100)),  # where it came from; NULL: nobody can say
    Index("ix_waiting_requests_network", "network", "created_at"),
)

#: What was answered to a step, for the browser that sends it again; sealed by that browser's cookie.
step_answers = Table(
    "step_answers",
    metadata,
    Column("step_key", LargeBinary(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
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
    Column("dpop_thumbprint", String(43)),  # of the key that must redeem it; NULL: none must
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
    Column("family_id", Uuid),
)

#: What devices without a browser ask for; what a person allows one becomes an authorization code of the same hash.
device_authorizations = Table(
    "device_authorizations",
    metadata,
    Column("device_code_hash", LargeBinary(32), primary_key=True),
    Column("user_code", String(8), nullable=False, unique=True),
    Column("client_id", ForeignKey("clients.client_id"), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("resources", Json, nullable=False),
    Column("network", String(100), nullable=False),  # where the device asked from
    Column("agent", String(300), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("interval", Integer, nullable=False),  # seconds between two polls
    Column("polled_at", UtcDateTime),
    Column("allowed", Boolean),  # what a person said; NULL: nothing yet
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
    Column("dpop_thumbprint", String(43)),  # of the key that must refresh it; NULL: none must
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
    Column("machine", Boolean, nullable=False),  # references of machine clients, or of families
    Column("filling", Boolean, nullable=False),  # references are drawn here
    Column("version", BigInteger, nullable=False),
    Column("bits", LargeBinary, nullable=False),
)

revoked_access_tokens = Table(  # by themselves; an expired row is of no use
    "revoked_access_tokens",
    metadata,
    Column("jti_hash", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

dpop_proofs = Table(  # that were used; an expired row is of no use
    "dpop_proofs",
    metadata,
    Column("proof_id", LargeBinary(32), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)
