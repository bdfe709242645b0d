"""SQLAlchemy Core on SQLite or PostgreSQL: engines, the unit of work, column types.

Policy: ADR-0004. Sync engines only; an async endpoint does all its SQL in one thread hop. Only `unit_of_work`
commits, except the single statements on `autocommit()`, which are durable when they return. Inside a unit of work both
join it, so that what several stores do in one thread hop is kept wholly or not at all (ADR-0013).
"""

import contextlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, Dialect, Engine, MetaData, create_engine, event, make_url, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.types import TypeDecorator

from shared.errors import ConfigurationError, Unavailable
from shared.json_text import read_json
from shared.problem_codes import ProblemCode

__all__ = ["Connection", "Database", "Json", "UtcDateTime", "new_metadata"]

_log = logging.getLogger(__name__)

#: Seconds a writer waits for another process's lock before it gives up (SQLite), or for a lock (PostgreSQL).
_LOCK_SECONDS = 10
#: Seconds for which a connection that lay in the pool is taken for a live one; after that it is asked first.
_TRUST_SECONDS = 1.0
#: Where a pooled connection notes when it was last used.
_USED_AT = "used_at"

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

#: The unit of work that the running thread is in, and whose it is.
_open: ContextVar[tuple["Database", Connection] | None] = ContextVar("unit_of_work", default=None)

Json = JSON().with_variant(JSONB(), "postgresql")


def new_metadata() -> MetaData:
    """Return the MetaData of one service's schema, with constraint names that migrations can rely on."""
    return MetaData(naming_convention=_NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime, also on SQLite, which stores none."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


class Database:
    """One service's database.

    On PostgreSQL up to `pool_size` connections for units of work, and as many for single statements; on SQLite one.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        try:
            self._engine, self._autocommit = _create_engines(url, pool_size)
        except Exception as error:
            raise ConfigurationError(f"DATABASE_URL: cannot be used: {type(error).__name__}") from error

    @property
    def engine(self) -> Engine:
        """The engine, for migrations and tests."""
        return self._engine

    @contextmanager
    def unit_of_work(self) -> Iterator[Connection]:
        """Yield a connection in one transaction: committed at the end of the block, rolled back by an error.

        On SQLite it begins IMMEDIATE, which stands for the row locks that PostgreSQL takes. Inside another unit of
        work of this thread it is a part of that one, which alone commits.
        """
        if (joined := self._joined()) is not None:
            yield joined
            return
        with _translate_outages(), self._engine.begin() as connection:
            entered = _open.set((self, connection))
            try:
                yield connection
            finally:
                _open.reset(entered)

    @contextmanager
    def autocommit(self) -> Iterator[Connection]:
        """Yield a connection on which each statement is a transaction of its own, durable when it returns.

        Inside a unit of work of this thread it is a part of that one, and durable when that one ends.
        """
        if (joined := self._joined()) is not None:
            yield joined
            return
        with _translate_outages(), self._autocommit.connect() as connection:
            yield connection

    def _joined(self) -> Connection | None:
        database, connection = _open.get() or (None, None)
        return connection if database is self else None

    def ping(self) -> None:
        """Raise Unavailable unless the database answers."""
        with self.autocommit() as connection:
            connection.execute(text("SELECT 1"))

    def connections(self) -> dict[str, int]:
        """Return how many pooled connections are in use and how many idle."""
        pools = {engine.pool for engine in (self._engine, self._autocommit)}
        return {
            "in_use": sum(pool.checkedout() for pool in pools),  # type: ignore[attr-defined] # of a QueuePool
            "idle": sum(pool.checkedin() for pool in pools),  # type: ignore[attr-defined]
        }

    def dispose(self) -> None:
        self._engine.dispose()
        self._autocommit.dispose()


@contextmanager
def _translate_outages() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("the database is busy", code=ProblemCode.DATABASE_UNAVAILABLE) from error
    except DBAPIError as error:
        if _schema_is_missing(error):
            raise ConfigurationError("the database has no schema yet: alembic -n <service> upgrade head") from error
        if not isinstance(error, OperationalError) and not error.connection_invalidated:
            raise
        _log.error("the database did not do it: %s", type(error.orig).__name__)  # its message may hold an address
        raise Unavailable("the database is away or busy", code=ProblemCode.DATABASE_UNAVAILABLE) from error


def _schema_is_missing(error: DBAPIError) -> bool:
    return type(error.orig).__name__ == "UndefinedTable" or "no such table" in str(error.orig)


def _create_engines(url: str, pool_size: int) -> tuple[Engine, Engine]:
    """Return the engines of units of work and of single statements."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = _create_sqlite_engine(url, parsed.database)
        return engine, engine.execution_options(isolation_level="AUTOCOMMIT")
    # A pool each: a connection that changes its mode at each use costs as much as a statement.
    # One that commits by itself has nothing to roll back when it returns.
    single = _create_postgres_engine(url, pool_size, isolation_level="AUTOCOMMIT", pool_reset_on_return=None)
    return _create_postgres_engine(url, pool_size), single


def _create_postgres_engine(url: str, pool_size: int, **options: Any) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,  # a connection that is opened for one request and closed again costs more than the request
        pool_timeout=5,
        hide_parameters=True,  # an error that is logged must not carry what was to be stored
        json_deserializer=read_json,
        connect_args={"connect_timeout": 5, "options": f"-c lock_timeout={_LOCK_SECONDS}s -c timezone=UTC"},
        **options,
    )
    _ask_idle_connections(engine)
    return engine


def _ask_idle_connections(engine: Engine) -> None:
    """Ask a connection whether it is alive, as `pool_pre_ping` does, but not one that has just been used.

    A round trip for each use was half of what a refresh spent on the database. When PostgreSQL restarts, whoever
    meets a dead connection within that second is told 503, as everybody is while it is away; the pool is then emptied.
    """

    @event.listens_for(engine, "checkin")
    def _used(driver_connection: Any, record: Any) -> None:
        del driver_connection
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _check(driver_connection: Any, record: Any, fairy: Any) -> None:
        del fairy
        used_at = record.info.get(_USED_AT)  # None: it is new
        if used_at is None or time.monotonic() - used_at < _TRUST_SECONDS:
            return
        try:
            alive = engine.dialect.do_ping(driver_connection)
        except engine.dialect.dbapi.Error as error:  # type: ignore[union-attr] # there is one
            raise InvalidatePoolError from error
        if not alive:
            raise InvalidatePoolError


def _for_its_owner_alone(file: Path) -> None:
    """Make the file before SQLite does, 0600; -wal and -shm take its mode. One that was wider is narrowed.

    One that is there is not opened: closing it would drop the locks that SQLite holds on it in this process.
    """
    try:
        if not file.exists():
            with contextlib.suppress(FileExistsError):  # another process was first
                os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        elif stat.S_IMODE(file.stat().st_mode) & 0o077:
            file.chmod(0o600)
            for beside in ("-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    file.with_name(file.name + beside).chmod(0o600)
    except OSError as error:  # of another user, or a directory: SQLite says what it cannot do
        _log.warning("%s: its permissions could not be set: %s", file, error.strerror)


def _create_sqlite_engine(url: str, file: str | None) -> Engine:
    if file and file != ":memory:":
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        _for_its_owner_alone(Path(file))
    # One connection: SQLite has one writer anyway, and a pool of ten answered "database is locked".
    engine = create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_timeout=30,
        hide_parameters=True,
        json_deserializer=read_json,
        connect_args={"check_same_thread": False, "timeout": _LOCK_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, record: Any) -> None:
        del record
        connection.isolation_level = None  # no implicit BEGIN: `_begin` below is the only one
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", f"busy_timeout={_LOCK_SECONDS}000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
