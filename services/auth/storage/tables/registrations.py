"""APIs and clients, and how clients prove themselves."""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table

from services.auth.storage.tables.schema import index_where, metadata
from shared.database import Json, UtcDateTime

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

#: The status reference of each machine client; a retired one is kept until no token with it can live.
machine_places = Table(
    "machine_places",
    metadata,
    Column("status_shard", Integer, primary_key=True),
    Column("status_index", Integer, primary_key=True),
    Column("client_id", ForeignKey("clients.client_id", ondelete="CASCADE"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("retired_at", UtcDateTime),
    index_where("uq_machine_places_live", "client_id", "retired_at IS NULL", unique=True),
)
