"""A SQL statement that is compiled once and run on the driver's own connection.

Policy: ADR-0004, ADR-0071
SQLAlchemy Core says what the statement is; its text, the order of its parameters and the conversion of each value are
worked out at the first use on each backend. Executing it through SQLAlchemy takes some 200 us of CPU more each time,
which the hot paths (/token, /authorize, status look-ups) cannot afford. It takes part in whatever transaction its
connection is in.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlalchemy.types import TypeEngine

__all__ = ["CompiledStatement", "observers"]

_Convert: TypeAlias = Callable[[Any], Any]

#: Called with the text and the values of each statement before it runs: for tests that count or read them.
observers: list[Callable[[str, Sequence[Any]], None]] = []


@dataclass(frozen=True)
class _Program:
    """What is left to do at each run: one entry a parameter (name, constant, conversion), one conversion a column."""

    text: str
    parameters: tuple[tuple[str | None, Any, _Convert | None], ...]
    columns: tuple[_Convert | None, ...]
    options: Mapping[str, Any]

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        found = []
        for name, constant, convert in self.parameters:
            value = constant if name is None else given[name]
            found.append(value if convert is None or name is None else convert(value))
        return found

    def row(self, raw: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            value if convert is None else convert(value) for value, convert in zip(raw, self.columns, strict=True)
        )


class CompiledStatement:
    """One statement; threads share it.

    `build` returns the Core expression for a dialect's name ("postgresql" or "sqlite"). Each result column needs a name
    of its own, and each parameter of a run is a `bindparam` by name; what SQLAlchemy expands (`IN`) cannot be one.
    """

    def __init__(self, build: Callable[[str], Any]) -> None:
        self._build = build
        self._programs: dict[str, _Program] = {}

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Run it and return its rows, values converted as SQLAlchemy would.

        Raises:
            DBAPIError: of the kind that SQLAlchemy raises; a lost connection is invalidated first.
        """
        program = self._program(connection)
        return [program.row(raw) for raw in self._run(connection, program, parameters).fetchall()]

    def first(self, connection: Connection, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Run it and return its first row, None when it has none. Raises as `rows` does."""
        program = self._program(connection)
        found = self._run(connection, program, parameters).fetchall()  # an open cursor would hold SQLite's lock
        return program.row(found[0]) if found else None

    def count(self, connection: Connection, parameters: Mapping[str, Any]) -> int:
        """Run it and return how many rows it wrote. Raises as `rows` does."""
        affected: int = self._run(connection, self._program(connection), parameters).rowcount
        return affected

    def _program(self, connection: Connection) -> _Program:
        dialect = connection.dialect
        program = self._programs.get(dialect.name)
        if program is None:
            program = self._programs[dialect.name] = _compile(self._build(dialect.name), dialect)
        return program

    def _run(self, connection: Connection, program: _Program, parameters: Mapping[str, Any]) -> Any:
        values = program.values(parameters)
        for observe in observers:
            observe(program.text, values)
        driver_connection: Any = connection.connection.driver_connection
        try:
            if not program.options:
                return driver_connection.execute(program.text, values)
            cursor = driver_connection.cursor(binary=True)
            return cursor.execute(program.text, values, **program.options)
        except connection.dialect.loaded_dbapi.Error as error:
            lost = connection.dialect.is_disconnect(error, driver_connection, None)
            if lost:
                connection.invalidate(error)
            raise DBAPIError.instance(
                program.text,
                None,  # what was to be stored never reaches an error
                error,
                connection.dialect.loaded_dbapi.Error,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=connection.dialect,
            ) from error


def _compile(statement: ClauseElement, dialect: Dialect) -> _Program:
    postgres = dialect.name == "postgresql"
    make: Any = type(dialect)
    positional = make(paramstyle="format") if postgres else dialect
    compiled: Any = statement.compile(dialect=positional)
    parameters = []
    for name in compiled.positiontup:
        bound = compiled.binds[name]
        convert = bound.type.dialect_impl(dialect).bind_processor(dialect)
        if bound.required:
            parameters.append((name, None, convert))
        else:
            constant = bound.effective_value
            parameters.append((None, constant if convert is None else convert(constant), None))
    columns = tuple(_reader(column.type, dialect) for column in statement.exported_columns)  # type: ignore[attr-defined]
    return _Program(str(compiled), tuple(parameters), columns, {"prepare": True} if postgres else {})


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> _Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
