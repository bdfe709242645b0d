"""Passkeys and their challenges in the database."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, select, update

from services.auth.accounts.passkey import CHALLENGE_LIFETIME, ChallengeOwner, Passkey, PasskeyUse
from services.auth.opaque_token import b64url, digest
from services.auth.storage.insert import insert_if_absent, insert_or_replace
from services.auth.storage.tables import passkey_challenges, passkeys
from shared.database import Connection

_row = passkeys.c
_COLUMNS = tuple(_row[field.name] for field in fields(Passkey))
_challenge = passkey_challenges.c


@dataclass(frozen=True)
class SqlPasskeys:
    """Implements `accounts.passkey.Passkeys`."""

    connection: Connection

    def find_by_credential(self, credential_id: bytes) -> Passkey | None:
        query = select(*_COLUMNS).where(_row.credential_id == credential_id)
        row = self.connection.execute(query).mappings().one_or_none()
        return None if row is None else Passkey(**{**row, "transports": tuple(row["transports"])})

    def of_user(self, user_id: UUID) -> list[Passkey]:
        query = select(*_COLUMNS).where(_row.user_id == user_id).order_by(_row.created_at, _row.id)
        rows = self.connection.execute(query).mappings()
        return [Passkey(**{**row, "transports": tuple(row["transports"])}) for row in rows]

    def add(self, passkey: Passkey) -> bool:
        values = {**asdict(passkey), "transports": list(passkey.transports)}
        return insert_if_absent(self.connection, passkeys, values, conflict=["credential_id"])

    def use(self, passkey: Passkey, use: PasskeyUse) -> bool:
        read = and_(_row.sign_count == passkey.sign_count, _row.copied_at.is_(None))
        values = {"sign_count": use.sign_count, "backed_up": use.backed_up, "last_used_at": use.at}
        return self._change(passkey.user_id, passkey.id, read, **values)

    def mark_copied(self, passkey: Passkey, now: datetime) -> None:
        self._change(passkey.user_id, passkey.id, _row.copied_at.is_(None), copied_at=now)

    def rename(self, user_id: UUID, passkey_id: UUID, name: str) -> bool:
        return self._change(user_id, passkey_id, name=name)

    def remove(self, user_id: UUID, passkey_id: UUID) -> bool:
        statement = delete(passkeys).where(_row.id == passkey_id, _row.user_id == user_id)
        return self.connection.execute(statement).rowcount == 1

    def remove_all(self, user_id: UUID) -> bool:
        return self.connection.execute(delete(passkeys).where(_row.user_id == user_id)).rowcount > 0

    def _change(self, user_id: UUID, passkey_id: UUID, *conditions: ColumnElement[bool], **values: object) -> bool:
        whose = (_row.id == passkey_id, _row.user_id == user_id, *conditions)
        return self.connection.execute(update(passkeys).where(*whose).values(**values)).rowcount == 1


@dataclass(frozen=True)
class SqlPasskeyChallenges:
    """Implements `accounts.passkey.PasskeyChallenges`."""

    connection: Connection

    def put(self, owner: ChallengeOwner, challenge: bytes, now: datetime) -> None:
        row = {
            "owner_key": owner.key,
            "challenge_hash": digest(b64url(challenge)),
            "expires_at": now + CHALLENGE_LIFETIME,
        }
        self.connection.execute(insert_or_replace(self.connection, passkey_challenges, row, ["owner_key"]))

    def use(self, owner: ChallengeOwner, challenge: bytes, now: datetime) -> bool:
        statement = delete(passkey_challenges).where(
            _challenge.owner_key == owner.key,
            _challenge.challenge_hash == digest(b64url(challenge)),
            _challenge.expires_at > now,
        )
        return self.connection.execute(statement).rowcount == 1
