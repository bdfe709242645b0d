"""Every command line of README.md and docs/provider.md, in order, as a newcomer types it beside `make run`.

A line that is not run here is in `ELSEWHERE` with the reason; a new line is run or fails.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stack import SERVICES, Stack, running_stack

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/provider.md")
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What begins a line of a block of commands; other blocks show output.
_COMMANDS = ("make", "curl", ".venv", "ENVIRONMENT", "export", "TOKEN", "adb", "docker")
#: Lines that run elsewhere, by how they begin.
ELSEWHERE = {
    "make run": "the stack that this runs beside",
    "make test": "this is a part of it",
    "adb": "needs a phone",
    ".venv/bin/python -m mobile": "opens a browser: tests/e2e/test_command_line.py runs the same lines",
    ".venv/bin/python -m services.auth keys rotate --emergency": "ends what others need: test_emergency_rotation.py",
}


def lines_of(page: str) -> list[str]:
    """Return the command lines of a page, continued ones joined, without their comments."""
    found = []
    for label, block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        joined = block.replace("\\\n", " ")
        if not label and joined.startswith(_COMMANDS):
            found += [re.sub(r"\s+# .*$", "", line).strip() for line in joined.splitlines() if line.strip()]
    return found


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("documented"), {}) as running:
        yield running


def test_each_line_works_in_order(stack: Stack) -> None:
    lines = [line for page in PAGES for line in lines_of(page)]
    assert len(lines) > 15
    ran = [line for line in lines if not line.startswith(tuple(ELSEWHERE))]
    script = "\n".join(["set -euo pipefail", *map(as_typed, ran)])
    for port, name in zip(("9000", "9001", "9002"), SERVICES, strict=True):
        script = script.replace(f"http://localhost:{port}", getattr(stack, name))
    ports = {f"{name.upper()}_PORT": getattr(stack, name).rpartition(":")[2] for name in SERVICES}
    files = {"DATA_DIR": str(stack.data), "CLOCK_FILE": str(stack.data / "clock")}
    environment = {**os.environ, **ports, **files}  # noqa: TID251 - handed on
    for name in ("ENVIRONMENT", "AUTH_ISSUER", "TOKEN"):
        environment.pop(name, None)
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    assert '"name":"Dormouse"' in done.stdout.replace('": ', '":'), "the documented POST made it"
    assert '"access_token"' in done.stdout, "the documented client still has its documented secret"
    assert "invalid_client" not in done.stdout


def as_typed(line: str) -> str:
    """Return the line as it is run: with this Python, and with the command behind a target of the Makefile."""
    python = line.replace(".venv/bin/python", sys.executable)
    return re.sub(r'make token scope=("[^"]*"|\S+)( bare=1)?', _token_command, python)


def _token_command(found: re.Match[str]) -> str:
    return f"{sys.executable} -m scripts.curl_line --scope {found[1]}{' --bare' if found[2] else ''}"
