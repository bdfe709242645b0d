"""Answers to completed steps of a sign-in, sealed and kept for a minute, in the database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select

from services.auth.storage.insert import insert_if_absent
from services.auth.storage.sweep import sweep
from services.auth.storage.tables import step_answers
from shared.database import Connection

_row = step_answers.c


@dataclass(frozen=True)
class SqlStepAnswers:
    """Implements `authorization.repeat.StepAnswers`."""

    connection: Connection

    def add(self, step_key: bytes, sealed: bytes, *, expires_at: datetime, now: datetime) -> None:
        sweep(self.connection, step_answers, added=step_key, before=now)
        values = {"step_key": step_key, "sealed": sealed, "expires_at": expires_at}
        insert_if_absent(self.connection, step_answers, values)

    def find(self, step_key: bytes, now: datetime) -> bytes | None:
        query = select(_row.sealed).where(_row.step_key == step_key, _row.expires_at > now)
        sealed: bytes | None = self.connection.execute(query).scalar_one_or_none()
        return sealed

    def forget(self, step_key: bytes) -> bool:
        return self.connection.execute(delete(step_answers).where(_row.step_key == step_key)).rowcount == 1
