"""Full-text search in SQL: GIN on PostgreSQL, FTS5 on SQLite; every word must begin a word of the record.

What reaches the databases' query languages is words that `search_text` made: letters and digits, in quotes. No text of
a caller can be an error in them, or an operator.
"""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    Table,
    Uuid,
    cast,
    column,
    false,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from services.crm.search_text import MOST_WORDS, words_of


def matches(records: Table, question: str, dialect: str) -> ColumnElement[bool]:
    """Return the condition that the record has words that begin with those of the question; none match none."""
    words = words_of(question)[:MOST_WORDS]
    if not words:
        return false()
    if dialect == "postgresql":
        # the expression of the index; the words are stored folded, no parser of PostgreSQL's reads them
        lexemes = func.search_words(records.c.search_text)
        return lexemes.op("@@")(cast(" & ".join(f"'{word}':*" for word in words), TSQUERY))
    numbers = table(f"search_{records.name}_rows", column("number"), column("id", Uuid))
    found = table(f"search_{records.name}", column("rowid"), column("search_text"))
    ids = select(numbers.c.id).join(found, found.c.rowid == numbers.c.number)
    return records.c.id.in_(ids.where(found.c.search_text.match(" ".join(f'"{word}"*' for word in words))))


def by_search_first(sorted_by: Column[Any]) -> ColumnElement[Any]:
    """Return the same order, as an expression that no index has.

    PostgreSQL takes every beginning of a word for one record in fifty, and would rather walk the list's own index
    until the page is full: all of it, if the word is rare. Without that choice it reads the index of the words, and
    sorts what it finds.
    """
    text = isinstance(sorted_by.type, String)
    return sorted_by.op("||" if text else "+")(literal_column("''" if text else "interval '0'"))
