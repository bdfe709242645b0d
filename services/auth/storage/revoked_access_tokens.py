"""The access tokens that were ended by themselves, each until it would have expired."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from services.auth.opaque_token import digest
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import revoked_access_tokens
from shared.compiled_statement import CompiledStatement
from shared.database import Connection

_row = revoked_access_tokens.c
_HAS = CompiledStatement(lambda _: select(_row.expires_at).where(_row.jti_hash == bindparam("wanted")))


@dataclass(frozen=True)
class SqlRevokedAccessTokens:
    """Implements `tokens.access_token.RevokedAccessTokens`."""

    connection: Connection

    def add(self, jti: str, *, expires_at: datetime, now: datetime) -> bool:
        jti_hash = digest(jti)
        sweep(self.connection, revoked_access_tokens, added=jti_hash, before=now)
        values = {"jti_hash": jti_hash, "expires_at": expires_at}
        return insert_if_absent(self.connection, revoked_access_tokens, values, conflict=["jti_hash"])

    def has(self, jti: str) -> bool:
        return _HAS.first(self.connection, {"wanted": digest(jti)}) is not None
