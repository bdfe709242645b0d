"""The rules of the house that a program can check. A review remark made twice belongs here."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("services", "shared", "mobile", "deploy")
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "service", "misc"}

# Hosts of package registries and paths of a developer's machine: nothing that is committed may depend on either.
# Written with classes, so that this file does not find itself.
REGISTRIES = re.compile(
    r"pypi[.]org|pythonhosted[.]org|npmjs[.](?:org|com)|yarnpkg[.]com|deb[.]debian[.]org|docker[.]io/"
)
MACHINE_PATHS = re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|Users/\w+)/|[.]pyenv")


def modules(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


def name_of(file: Path) -> str:
    return str(file.relative_to(ROOT))


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def committed_files() -> list[Path]:
    """Everything git tracks, and what the next `git add` would make it track."""
    # CI may run as another user than the clone's owner, which git would refuse
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def dotted_names(tree: ast.Module) -> Iterator[str]:
    """Yield every `a.b` and `a.b.c` that the module writes, and `a.b` for `from a import b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def users_of(*names: str) -> set[str]:
    """Return the product's modules that use one of the dotted names."""
    return {name_of(file) for file in modules(*PRODUCT) if set(names) & set(dotted_names(tree_of(file)))}


def test_import_contracts_hold() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_module_says_what_it_owns() -> None:
    silent = [
        name_of(file)
        for file in modules(*PRODUCT, "scripts", "migrations")
        if file.stat().st_size and not ast.get_docstring(tree_of(file))
    ]
    assert silent == []


def test_no_file_is_longer_than_300_lines() -> None:
    files = modules(*PRODUCT, "scripts", "migrations", "tests")
    lengths = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_name_that_means_nothing() -> None:
    files = modules(*PRODUCT, "scripts", "tests")
    assert [name_of(file) for file in files if FORBIDDEN_NAMES & {file.stem, *file.relative_to(ROOT).parts}] == []


def test_only_the_unit_of_work_commits() -> None:
    committers = {
        name_of(file)
        for file in modules(*PRODUCT)
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    }
    assert committers <= {"shared/database.py"}


def test_tokens_are_signed_in_one_place() -> None:
    signers = users_of("jwt.encode", "jwt.PyJWT", "jwt.api_jwt.encode")
    # the app signs DPoP proofs with a key of its own: no tokens
    homes = ("services/auth/tokens/", "services/auth/keys/", "shared/testing/", "mobile/prover.py")
    assert [signer for signer in signers if not signer.startswith(homes)] == []


def test_time_has_one_home() -> None:
    assert users_of("datetime.now", "datetime.datetime.now", "datetime.utcnow", "time.time") <= {"shared/clock.py"}


def test_the_environment_has_its_homes() -> None:
    # three start the services and hand their own environment on; a phone knows CLOCK_FILE; all else reads settings
    homes = {"shared/settings.py", "shared/config_file.py"}
    starters = {"services/__main__.py", "mobile/demo/suite.py", "shared/asgi/workers.py"}
    assert users_of("os.environ", "os.getenv") <= homes | starters | {"mobile/options.py"}


def test_every_revision_can_be_undone() -> None:
    for file in (ROOT / "migrations").glob("*/*.py"):
        functions = {node.name: node for node in tree_of(file).body if isinstance(node, ast.FunctionDef)}
        assert {"upgrade", "downgrade"} <= set(functions), name_of(file)


@pytest.mark.parametrize("pattern", [REGISTRIES, MACHINE_PATHS], ids=["registry hosts", "machine paths"])
def test_nothing_committed_depends_on_this_machine(pattern: re.Pattern[str]) -> None:
    found = []
    for file in committed_files():
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:  # a picture
            continue
        found += [f"{name_of(file)}:{number}" for number, line in enumerate(lines, 1) if pattern.search(line)]
    assert found == []


def test_lock_files_hold_versions_and_hashes_alone() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text, lock.name
        pins = re.findall(r"^[a-z0-9][\w.\[\],-]*==\S+.*\\$", text, re.MULTILINE)
        assert len(pins) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE)), (
            f"{lock.name}: a line without pin and hash"
        )
