"""The team that each person is in, as the newest of their tokens said it, and with it the team of all their records.

Policy: ADR-0050
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, MetaData, String, Table, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from shared.api.owned_rows import within
from shared.api.reach import Reach
from shared.database import Connection, Database, UtcDateTime


def people_table(metadata: MetaData) -> Table:
    """Return the table, to be declared beside a service's own."""
    return Table(
        "people",
        metadata,
        Column("sub", String(255), primary_key=True),
        Column("team", String(255), nullable=False),
        # when the token that said so was issued, or the command that moved them was run
        Column("as_of", UtcDateTime, nullable=False),
    )


@dataclass(frozen=True)
class SqlTeams:
    """The people of one API; `owned` are its tables of records."""

    database: Database
    people: Table
    owned: Sequence[Table]

    def team_of(self, subject: str) -> str | None:
        """Return the team that the person is in, None if no token of theirs has said one yet."""
        with self.database.autocommit() as db:
            return db.scalar(select(self.people.c.team).where(self.people.c.sub == subject))

    def follow(self, subject: str, team: str | None, as_of: datetime) -> str | None:
        """Learn that the person was in this team at that moment, move their records there, and return their team now.

        What was said of a later moment stays. None is not a team: their records stay with the last one, so that a
        manager sees them.
        """
        if team is None or self.team_of(subject) == team:
            return self.team_of(subject) if team is None else team
        with self.database.unit_of_work() as db:
            if self._learned(db, subject, team, as_of):
                self._move(db, subject, team)
                return team
        return self.team_of(subject)

    def move(self, subject: str, team: str, now: datetime) -> int:
        """Put the person and all their records into this team, and return how many records were in another."""
        with self.database.unit_of_work() as db:
            self._learned(db, subject, team, now)
            return self._move(db, subject, team)

    def introduce(self, subject: str, team: str, as_of: datetime) -> None:
        """Learn the team of a person of whom nothing is known; their records are there already."""
        if self.team_of(subject) is None:
            with self.database.unit_of_work() as db:
                self._learned(db, subject, team, as_of)

    def _learned(self, db: Connection, subject: str, team: str, as_of: datetime) -> bool:
        insert = postgresql.insert(self.people) if db.dialect.name == "postgresql" else sqlite.insert(self.people)
        said = {"team": team, "as_of": as_of}
        learned = (
            insert.values(sub=subject, **said)
            .on_conflict_do_update(index_elements=["sub"], set_=said, where=self.people.c.as_of < as_of)
            .returning(self.people.c.sub)
        )
        return db.execute(learned).first() is not None

    def _move(self, db: Connection, subject: str, team: str) -> int:
        moved = 0
        for table in self.owned:
            elsewhere = or_(table.c.owner_team.is_(None), table.c.owner_team != team)
            statement = update(table).where(within(table, Reach(subject=subject)), elsewhere)
            moved += db.execute(statement.values(owner_team=team)).rowcount
        return moved
