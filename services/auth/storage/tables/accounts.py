"""People, their second factors, and their browsers."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, String, Table, Text, Uuid

from services.auth.storage.tables.schema import index_where, metadata
from shared.database import Json, UtcDateTime

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("username", String(200), nullable=False, unique=True),
    Column("password_hash", Text),
    Column("claims", Json, nullable=False),  # standard claims (OpenID Connect Core s5.1), without the e-mail address
    Column("email", String(254)),
    Column("email_key", String(300), index=True),  # the form in which addresses are compared
    Column("email_verified_at", UtcDateTime),
    Column("team", String(100)),
    Column("roles", Json, nullable=False),
    Column("activated_at", UtcDateTime),  # NULL: invited, has never been able to sign in
    Column("disabled_at", UtcDateTime),
    Column("tokens_valid_from", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    index_where("uq_users_verified_email", "email_key", "email_verified_at IS NOT NULL", unique=True),
)

totp_credentials = Table(
    "totp_credentials",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

#: Those that may still be used.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("sealed_hash", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

passkeys = Table(
    "passkeys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("credential_id", LargeBinary(1023), nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("transports", Json, nullable=False),
    Column("name", String(60), nullable=False),
    Column("demanded", Boolean, nullable=False),  # added on purpose: a password alone signs in no more
    Column("backup_eligible", Boolean, nullable=False),
    Column("backed_up", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("copied_at", UtcDateTime),  # its count went back: somebody else holds it too
)

#: One a waiting request or session and purpose; it goes with its use.
passkey_challenges = Table(
    "passkey_challenges",
    metadata,
    Column("owner_key", LargeBinary(32), primary_key=True),
    Column("challenge_hash", LargeBinary(32), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

failure_budgets = Table(
    "failure_budgets",
    metadata,
    Column("budget_key", LargeBinary(32), primary_key=True),
    Column("account_hash", LargeBinary(32), nullable=False, index=True),
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
    Column("expires_at", UtcDateTime, nullable=False),
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
    Column("first_method", String(20), nullable=False, server_default="pwd"),
    Column("second_method", String(20)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("idle_expires_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("network", String(100)),  # where its last sign-in came from; NULL: nobody can say
    Column("agent", String(300)),
)
