"""Signing keys, sealed."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table

from services.auth.storage.tables.schema import index_where, metadata
from shared.database import Json, UtcDateTime

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
    index_where("uq_signing_keys_active", "state", "state = 'active'", unique=True),
)

key_set_versions = Table(  # one row: moved by every change of signing_keys, so that running processes notice
    "key_set_versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
