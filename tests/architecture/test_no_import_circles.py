"""No module imports, by way of others, itself: also inside a package, and also for type checking alone."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("services", "shared", "mobile", "deploy")


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(name: str, file: Path, known: set[str]) -> set[str]:
    """Return the modules of ours that the file imports; a package stands for its `__init__`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in known else node.module
                for alias in node.names
            }
    return (found & known) - {name}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return the modules of one circle, in the order of their imports; empty: there is none."""
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for imported in sorted(graph[name]):
            if found := walk(imported, [*path, name]):
                return found
        done.add(name)
        return []

    for name in sorted(graph):
        if found := walk(name, []):
            return found
    return []


def test_no_module_imports_itself_by_way_of_others() -> None:
    files = {name_of(file): file for folder in PRODUCT for file in sorted((ROOT / folder).rglob("*.py"))}
    graph = {name: imports_of(name, file, set(files)) for name, file in files.items()}
    assert circle(graph) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
