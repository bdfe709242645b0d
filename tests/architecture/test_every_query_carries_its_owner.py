"""Object-level authorization cannot be forgotten: each statement of crm's and orders' storage has the owner's clause.

A statement is one expression that begins with select(), update() or delete(); within() must stand in that expression.
What follows may narrow it further, never widen it. Nothing else in storage makes SQL.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKERS = {"select", "update", "delete"}
#: Ways to SQL that this check cannot read.
OPAQUE = {"text", "exec_driver_sql", "TextClause", "raw_connection", "cursor"}

#: Statements without the owner's clause, by file and function, each with its reason.
EXCEPTIONS = {
    "services/crm/storage/contacts.py:unlink": "contacts of a company that its owner deletes: whoever linked them",
    "services/crm/storage/records.py:save": "records that were held with the clause; and seeds, of any owner",
    "services/crm/storage/search.py:matches": "numbers of the search index; the statement around it has the clause",
    "services/crm/storage/upkeep.py:_remove": "histories of records that go; each other statement has the clause",
    "shared/api/teams.py:team_of": "people, not records",
    "services/orders/storage/orders.py:replace": "seeds, which name any owner; no request reaches it",
    "services/orders/storage/orders.py:_replace_lines": "lines of an order whose UPDATE has just had the clause",
    "services/orders/storage/orders.py:_with_lines": "lines of orders that were read with the clause",
}


def storage_files() -> list[Path]:
    folders = [ROOT / "services" / service / "storage" for service in ("crm", "orders")]
    files = [file for folder in folders for file in sorted(folder.glob("*.py"))]
    return [*files, *(ROOT / "shared" / "api" / name for name in ("owned_rows.py", "teams.py"))]


def statements(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield each statement's whole expression, with the name of the function that it stands in."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS):
            continue
        whole: ast.expr = node
        while isinstance(outer := parents[whole], ast.Attribute) or (
            isinstance(outer, ast.Call) and outer.func is whole
        ):
            whole = outer
        function: ast.AST = whole
        while not isinstance(function, ast.FunctionDef | ast.Module):
            function = parents[function]
        yield getattr(function, "name", "<module>"), whole


def has_clause(statement: ast.expr) -> bool:
    called = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return any(isinstance(function, ast.Name) and function.id.lstrip("_") == "within" for function in called)


def without_clause(name: str, source: str) -> set[str]:
    return {f"{name}:{function}" for function, whole in statements(ast.parse(source)) if not has_clause(whole)}


def test_every_statement_carries_the_owners_clause() -> None:
    found = {
        where
        for file in storage_files()
        for where in without_clause(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
    }
    assert found - set(EXCEPTIONS) == set(), "put within(table, reach) into the statement"
    assert set(EXCEPTIONS) - found == set(), "an exception that is none any more"


def test_there_are_statements_to_look_at() -> None:
    found = [one for file in storage_files() for one in statements(ast.parse(file.read_text(encoding="utf-8")))]
    assert len(found) >= 10


def test_storage_makes_sql_in_no_other_way() -> None:
    for file in storage_files():
        calls = (node for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
        called = {getattr(call.func, "id", getattr(call.func, "attr", None)) for call in calls}
        assert not called & OPAQUE, file.name


@pytest.mark.parametrize(
    "source",
    [
        "def find(db): return db.execute(select(t).where(t.c.id == 1))",
        "def find(db): s = select(t); return db.execute(s.where(within(t, r)))",
        "def change(db): db.execute(update(t).where(t.c.id == 1).values(x=within))",
        "def drop(db): db.execute(delete(t))",
    ],
)
def test_a_forgotten_clause_is_found(source: str) -> None:
    assert without_clause("storage.py", source)


def test_a_clause_is_recognized() -> None:
    source = "def find(db): return db.execute(select(t).where(t.c.id == 1, within(t, r)).limit(1))"
    assert not without_clause("storage.py", source)
