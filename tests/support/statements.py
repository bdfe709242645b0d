"""The SQL statements that this process sends, whichever database and pool they go through."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

from shared.compiled_statement import observers


@contextmanager
def sent_statements() -> Iterator[list[tuple[str, Any]]]:
    """Yield the list to which each statement is added with its parameters, for as long as the block lasts."""
    sent: list[tuple[str, Any]] = []

    def record(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        sent.append((statement, parameters))

    def observe(statement: str, values: Any) -> None:
        sent.append((statement, values))

    event.listen(Engine, "before_cursor_execute", record)
    observers.append(observe)
    try:
        yield sent
    finally:
        observers.remove(observe)
        event.remove(Engine, "before_cursor_execute", record)
