"""python -m scripts.requirement_matrix: brings the `tests` of docs/requirements.toml to what the tests' markers say.

A requirement is one demand of a specification, in our words; a test that proves it is marked with its id,
`@pytest.mark.requirement("RFC9700-2.1.1")`. `--check` writes nothing and fails when the file is stale.
`scripts.compliance` runs the marked tests.
"""

import argparse
import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "docs" / "requirements.toml"
OWNERS = ("auth", "api", "client", "proxy")
_TESTS_LINE = re.compile(r"^tests = \[.*?^\]\n|^tests = \[\]\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Requirement:
    """One demand. `planned`: why no test proves it yet; its part of the product is not built."""

    id: str
    clause: str
    asks: str
    owner: str
    tests: tuple[str, ...] = ()
    planned: str | None = None


def requirements(text: str | None = None) -> list[Requirement]:
    """Return the requirements in the file's order."""
    content = tomllib.loads(FILE.read_text(encoding="utf-8") if text is None else text)
    return [Requirement(**{**entry, "tests": tuple(entry.get("tests", ()))}) for entry in content["requirement"]]


def marked_tests(folder: Path = ROOT / "tests") -> dict[str, tuple[str, ...]]:
    """Return, for each id in a marker, the tests that carry it, as pytest names them without their parameters."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.rglob("test_*.py")):
        for name, ids in _marks(ast.parse(file.read_text(encoding="utf-8"))):
            for identifier in ids:
                found[identifier].add(f"{file.relative_to(folder.parent)}::{name}")
    return {identifier: tuple(sorted(names)) for identifier, names in found.items()}


def _marks(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [mark for mark in node.decorator_list if isinstance(mark, ast.Call)]
            marks = [mark for mark in calls if ast.unparse(mark.func) == "pytest.mark.requirement"]
            yield node.name, [str(ast.literal_eval(argument)) for mark in marks for argument in mark.args]


def faults(present: list[Requirement], marked: dict[str, tuple[str, ...]]) -> list[str]:
    """Return what is wrong with the matrix, one line each; none: it holds."""
    ids = [requirement.id for requirement in present]
    found = [f"{identifier}: is there twice" for identifier in sorted({x for x in ids if ids.count(x) > 1})]
    found += [f"{identifier}: marks {names[0]} and is not a requirement" for identifier, names in sorted(marked.items())
              if identifier not in ids]  # fmt: skip
    for requirement in present:
        covered = requirement.id in marked
        if requirement.owner not in OWNERS:
            found.append(f"{requirement.id}: the owner is one of {', '.join(OWNERS)}")
        if not covered and not requirement.planned:
            found.append(f"{requirement.id}: no test is marked with it, and it is not planned")
        if covered and requirement.planned:
            found.append(f"{requirement.id}: is proved by a test; remove planned")
    return found


def updated(text: str, marked: dict[str, tuple[str, ...]]) -> str:
    """Return the file's text with every `tests` as the markers say."""
    head, *entries = text.split("[[requirement]]\n")
    written = [head]
    for entry in entries:
        (present,) = requirements(f"[[requirement]]\n{entry}")
        names = "".join(f'  "{name}",\n' for name in marked.get(present.id, ()))
        line = f"tests = [\n{names}]\n" if names else "tests = []\n"
        written.append(_TESTS_LINE.sub(lambda _match, line=line: line, entry, count=1))  # type: ignore[misc]
    return "[[requirement]]\n".join(written)


def main() -> int:
    """Write or check the file; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.requirement_matrix")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is stale")
    check = parser.parse_args().check
    text, marked = FILE.read_text(encoding="utf-8"), marked_tests()
    wrong = faults(requirements(text), marked)
    new = updated(text, marked)
    if not check:
        FILE.write_text(new, encoding="utf-8")
    elif new != text:
        wrong.append("docs/requirements.toml is stale: run `python -m scripts.requirement_matrix` and commit it")
    print("\n".join(wrong), end="\n" if wrong else "", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
