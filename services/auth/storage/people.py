"""What is written about people, in the database."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, and_, case, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from services.auth.accounts.email_address import EmailAddress
from services.auth.accounts.people import NewUser, UserSummary
from services.auth.storage.insert import insert_if_absent
from services.auth.storage.tables import authorization_codes, browser_sessions, families, users
from services.auth.storage.users import USER, user_of
from shared.database import Connection
from shared.errors import Conflict

_row = users.c

#: Stands in for everybody who was deleted, in rows that outlive them: disabled, without a name or a password.
NOBODY = UUID(int=2**128 - 1)


@dataclass(frozen=True)
class SqlPeople:
    """Implements `accounts.people.People`."""

    connection: Connection

    def add(self, user: NewUser) -> None:
        verified_at = user.created_at if user.email_verified else None
        self.connection.execute(
            insert(users).values(
                id=user.id,
                username=user.username,
                password_hash=user.password_hash,
                claims={"name": user.display_name} if user.display_name else {},
                team=user.team,
                roles=list(user.roles),
                activated_at=user.created_at if user.password_hash else None,
                created_at=user.created_at,
                updated_at=user.created_at,
                **email_columns(user.email, verified_at),
            )
        )

    def owner_of(self, key: str) -> UUID | None:
        found = (
            select(_row.id)
            .where(or_(_row.username == key, and_(_row.email_key == key, _row.email_verified_at.is_not(None))))
            .order_by(case((_row.username == key, 0), else_=1))
            .limit(1)
        )
        return self.connection.execute(found).scalar_one_or_none()

    def was_ever_in(self, role: str) -> bool:
        # roles are JSON, and few: what is like it in the text is looked at
        maybe = _row.roles.cast(Text).contains(json.dumps(role), autoescape=True)
        query = select(_row.roles).where(_row.activated_at.is_not(None), maybe)
        return any(role in roles for roles in self.connection.execute(query).scalars())

    def set_email(self, user_id: UUID, email: EmailAddress, *, verified_at: datetime | None, now: datetime) -> None:
        try:
            self._change(user_id, now, **email_columns(email, verified_at))
        except IntegrityError as error:
            raise Conflict("users: this e-mail address is another user's") from error

    def set_display_name(self, user_id: UUID, name: str, now: datetime) -> None:
        locked = select(_row.claims).where(_row.id == user_id).with_for_update(key_share=True)
        self._change(user_id, now, claims={**self.connection.execute(locked).scalar_one(), "name": name})

    def verify_email(self, user_id: UUID, now: datetime) -> None:
        self._change(user_id, now, email_verified_at=now)

    def set_password(self, user_id: UUID, password_hash: str, now: datetime) -> None:
        self._change(user_id, now, password_hash=password_hash, activated_at=func.coalesce(_row.activated_at, now))

    def replace_hash(self, user_id: UUID, *, read: str, write: str) -> bool:
        statement = update(users).where(_row.id == user_id, _row.password_hash == read).values(password_hash=write)
        return self.connection.execute(statement).rowcount == 1

    def grant_role(self, user_id: UUID, role: str, now: datetime) -> None:
        roles = self.connection.execute(select(_row.roles).where(_row.id == user_id)).scalar_one()
        if role not in roles:
            self._change(user_id, now, roles=[*roles, role])

    def forget(self, user_id: UUID, now: datetime) -> None:
        nobody = {"id": NOBODY, "username": f"deleted-{NOBODY}", "claims": {}, "roles": [], "disabled_at": now}
        insert_if_absent(self.connection, users, {**nobody, "created_at": now, "updated_at": now})
        for table in (browser_sessions, authorization_codes, families):  # the order in which ends lock them
            self.connection.execute(update(table).where(table.c.user_id == user_id).values(user_id=NOBODY))
        nowhere = {"network": None, "agent": None}
        self.connection.execute(update(browser_sessions).where(browser_sessions.c.user_id == NOBODY).values(**nowhere))
        blank = {"device_label": None, "last_network": "", "last_agent": ""}
        self.connection.execute(update(families).where(families.c.user_id == NOBODY).values(**blank))
        self.connection.execute(delete(users).where(_row.id == user_id))

    def summaries(self) -> list[UserSummary]:
        query = select(*USER, _row.created_at).where(_row.id != NOBODY).order_by(_row.username)
        found = []
        for *columns, created_at in self.connection.execute(query):
            user = user_of(*columns)
            since = user.disabled_at or user.activated_at or created_at
            found.append(
                UserSummary(
                    id=user.id,
                    username=user.username,
                    display_name=user.display_name,
                    email=user.email,
                    email_verified=user.email_verified_at is not None,
                    state=user.state,
                    since=since,
                )
            )
        return found

    def _change(self, user_id: UUID, now: datetime, **values: Any) -> None:
        self.connection.execute(update(users).where(_row.id == user_id).values(**values, updated_at=now))


def email_columns(email: EmailAddress | None, verified_at: datetime | None) -> dict[str, Any]:
    """Return the columns of an address."""
    if email is None:
        return {"email": None, "email_key": None, "email_verified_at": None}
    return {"email": email.text, "email_key": email.key, "email_verified_at": verified_at}
