"""`audit tail [--follow]`, `audit export --since WHEN`: the audit trail, a line of JSON an event, on standard output.

Policy: ADR-0120
"""

import json
import os
import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from uuid import UUID

from services.auth.operations.opened import opened
from services.auth.operations.users import find_user
from services.auth.settings import AuthSettings
from services.auth.storage import SqlAuthDatabase
from services.auth.storage.audit_reading import Recorded, SqlAuditReading, Wanted
from shared.clock import Clock
from shared.command_line import Subparsers
from shared.errors import Unavailable

_PAUSE = timedelta(seconds=1)
#: How much later than its moment an event may be committed, and is still shown in its turn.
_LATE = timedelta(seconds=60)


def add_commands(commands: Subparsers) -> None:
    """Add the group."""
    group = commands.add_parser("audit", help="the audit trail, as JSON lines").add_subparsers(
        dest="action", required=True
    )
    tail = group.add_parser("tail", help="the newest events")
    tail.add_argument("--lines", type=int, default=20, metavar="N", help="how many; default: 20")
    tail.add_argument("--follow", action="store_true", help="go on with each further event, until Ctrl-C")
    tail.add_argument("--user", help="only those about a user, by name or subject")
    tail.set_defaults(act=tail_events)
    export = group.add_parser("export", help="all events from a moment on, the oldest first")
    export.add_argument("--since", type=when, required=True, help="2026-11-29, 2026-11-29T12:00:00Z, or 36h, 7d ago")
    export.add_argument("--until", type=when, help="only those before; likewise")
    export.add_argument("--user", help="only those about a user, by name or subject")
    export.set_defaults(act=export_events)


def tail_events(settings: AuthSettings, given: Namespace) -> None:
    """Print the newest, and with --follow what comes."""
    with opened(settings) as database:
        wanted = Wanted(user_id=_user(database, given.user))
        clock = settings.clock()
        with database.database.autocommit() as connection:
            reading, begun = SqlAuditReading(connection), clock.now() - _LATE
            before = {row.id: row.at for row in reading.all(replace(wanted, since=begun))}
            found = reading.newest(wanted, max(0, given.lines))
        _print(found)
        if given.follow:
            _print(_further(database, wanted, before | {row.id: row.at for row in found}, clock))


def export_events(settings: AuthSettings, given: Namespace) -> None:
    """Print all from a moment on."""
    now = settings.clock().now()
    with opened(settings) as database:
        wanted = Wanted(_moment(given.since, now), _moment(given.until, now), _user(database, given.user))
        with database.database.autocommit() as connection:
            _print(SqlAuditReading(connection).all(wanted))


def when(text: str) -> datetime | timedelta:
    """Read a moment (without a zone: UTC) or how long ago it was.

    Raises:
        ArgumentTypeError: it is neither.
    """
    units = {"m": "minutes", "h": "hours", "d": "days"}
    try:
        if text[-1:] in units and text[:-1].isdecimal():
            return timedelta(**{units[text[-1]]: int(text[:-1])})
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ArgumentTypeError("write 2026-11-29, 2026-11-29T12:00:00Z, or 36h") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _moment(given: datetime | timedelta | None, now: datetime) -> datetime | None:
    return now - given if isinstance(given, timedelta) else given


def _user(database: SqlAuthDatabase, name: str | None) -> UUID | None:
    if name is None:
        return None
    with database.autocommit() as stores:
        return find_user(stores, name).id


def _further(database: SqlAuthDatabase, wanted: Wanted, seen: dict[UUID, datetime], clock: Clock) -> Iterator[Recorded]:
    """Yield each further event once, for ever; an outage of the database is waited out.

    Neither ids nor moments are the order in which rows are committed: the last minute is looked through each time.
    """
    never = Event()
    while True:
        since = clock.now() - _LATE
        try:
            with database.database.autocommit() as connection:
                found = list(SqlAuditReading(connection).all(replace(wanted, since=since)))
        except Unavailable:
            found = []
        for row in found:
            if row.id not in seen:
                seen[row.id] = row.at
                yield row
        seen = {event_id: at for event_id, at in seen.items() if at >= since}
        never.wait(_PAUSE.total_seconds())


def _print(rows: Iterable[Recorded]) -> None:
    """Print each at once; whoever reads may stop, and so may Ctrl-C."""
    try:
        for row in rows:
            sys.stdout.write(json.dumps(row.members, ensure_ascii=False) + "\n")
            sys.stdout.flush()
    except KeyboardInterrupt:
        return
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
