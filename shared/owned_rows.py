"""The owner's clause: the condition that every statement on a table of records carries in its WHERE.

Policy: ADR-0018. A table of records has the columns `owner_sub` and `owner_team`.
`tests/architecture/test_every_query_carries_its_owner.py` finds a statement without it.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, FromClause, false, or_, true

from shared.bearer import Reach


def within(table: FromClause, reach: Reach) -> ColumnElement[bool]:
    """Return the condition that a row of `table` lies within reach."""
    if reach.everyone:
        return true()
    clauses: list[ColumnElement[bool]] = []
    if reach.subject is not None:
        clauses.append(table.c.owner_sub == reach.subject)
    if reach.team is not None:
        clauses.append(table.c.owner_team == reach.team)
    return or_(false(), *clauses)


def parts(reach: Reach) -> Iterator[Reach]:
    """Yield reaches that make up this one, each of which is one range of one index.

    "Mine or my team's" is no range: a database would sort all of both to return a page. A list asks for the page of
    each part and merges them. Parts may overlap.
    """
    if reach.everyone:
        yield reach
        return
    if reach.subject is not None:
        yield Reach(subject=reach.subject)
    if reach.team is not None:
        yield Reach(team=reach.team)
