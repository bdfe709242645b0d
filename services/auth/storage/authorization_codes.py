"""Authorization codes in the database."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, insert, select, update

from services.auth.authorization.code import AuthorizationCode
from services.auth.requested_claims import RequestedClaims
from services.auth.storage.tables import authorization_codes
from shared.database import Connection

_row = authorization_codes.c


@dataclass(frozen=True)
class SqlAuthorizationCodes:
    """Implements `authorization.code.AuthorizationCodes`."""

    connection: Connection

    def add(self, code: AuthorizationCode) -> None:
        values = {
            **asdict(code),
            "scopes": sorted(code.scopes),
            "resources": list(code.resources),
            "amr": list(code.amr),
            "claims": code.claims.record(),
        }
        self.connection.execute(insert(authorization_codes).values(**values))

    def find(self, code_hash: bytes) -> AuthorizationCode | None:
        query = select(authorization_codes).where(_row.code_hash == code_hash)
        row = self.connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        members = {
            **row,
            "scopes": frozenset(row["scopes"]),
            "resources": tuple(row["resources"]),
            "amr": tuple(row["amr"]),
            "claims": RequestedClaims.from_record(row["claims"]),
        }
        return AuthorizationCode(**members)

    def mark_used(self, code_hash: bytes, now: datetime) -> bool:
        statement = (
            update(authorization_codes)
            .where(_row.code_hash == code_hash, _row.used_at.is_(None), _row.expires_at > now)
            .values(used_at=now)
        )
        return self.connection.execute(statement).rowcount == 1

    def end_pending(
        self,
        now: datetime,
        *,
        client_id: str | None = None,
        user_id: UUID | None = None,
        session_id: UUID | None = None,
    ) -> None:
        named = [
            column == wanted
            for column, wanted in (
                (_row.client_id, client_id),
                (_row.user_id, user_id),
                (_row.session_id, session_id),
            )
            if wanted is not None
        ]
        if not named:
            raise ValueError("an end of every code there is")
        pending = and_(_row.used_at.is_(None), _row.expires_at > now, *named)
        locked = select(_row.code_hash).where(pending).order_by(_row.code_hash).with_for_update()
        if self.connection.execute(locked).first() is not None:
            self.connection.execute(update(authorization_codes).where(pending).values(expires_at=now))

    def set_family(self, code_hash: bytes, family_id: UUID) -> None:
        statement = update(authorization_codes).where(_row.code_hash == code_hash).values(family_id=family_id)
        self.connection.execute(statement)
