"""Every command of the runbooks and of the pages for other teams, in the order of each page, beside a running stack.

A page may name a command in a block or in its text. What is not run here is in `ELSEWHERE` with its reason; a new
command is run or fails. `docker compose exec SERVICE python ...` is run as the same program outside of a container.
"""

import contextlib
import importlib
import io
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from mobile.simulator import ALICE, CAROL
from services.local_stack import stack_environment
from tests.e2e.phones import SUBJECTS, Phones, tokens_of
from tests.support.stack import SERVICES, Stack, running_stack

ROOT = Path(__file__).parents[2]
#: Those that change signing keys at once are last: whoever signs in within that second may meet both.
PAGES = (
    *("README", "leaver", "doctor", "alerts", "backup", "capacity", "certificate", "certification", "client-secrets"),
    *("local", "lost-phone", "production-settings", "refusals", "upgrade", "restore", "incident", "keys"),
)
OTHERS = ("docs/bearer.md", "docs/mobile-clients.md")
_BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_NOUNS = r"(?:keys|users|sessions|clients|records|audit) [a-z]"
_PROGRAMS = r"docker |make |curl |git |certutil |adb |chown |umask |python3? -|\.venv/|echo "
_COMMAND = re.compile(rf"{_PROGRAMS}|{_NOUNS}|[A-Z_]+=\S+ (?:make|\.venv|[A-Z_]+=)")
_CONTAINERS = "needs the containers: what it does is in tests/compose, and by hand before a release"
#: Commands that are not run here, by how they begin, and why.
ELSEWHERE = {
    "docker compose -f": _CONTAINERS,
    "docker compose up": _CONTAINERS,
    "docker compose restart": _CONTAINERS,
    "COMPOSE_PROJECT_NAME=trial": _CONTAINERS,
    "docker compose stop": _CONTAINERS,
    "docker compose start": _CONTAINERS,
    "docker compose run": _CONTAINERS,
    "docker compose logs": _CONTAINERS,
    "docker compose ps": _CONTAINERS,
    "docker compose images": _CONTAINERS,
    "docker compose exec -T": _CONTAINERS,
    "docker compose exec crm cat": _CONTAINERS,
    "docker compose exec crm python -c": _CONTAINERS,
    "docker compose exec auth python -m services.auth ...": "a form of words: the commands beside it are run",
    "docker inspect": _CONTAINERS,
    "docker stats": _CONTAINERS,
    "docker volume rm": _CONTAINERS,
    "docker tag": _CONTAINERS,
    "docker pull": "needs an image registry",
    "docker image inspect": "needs an image registry",
    "umask": "of the lines for the containers after it",
    "chown": "a host of production and its certificate",
    "curl -fsS https://auth.DOMAIN": "a host of production",
    "curl --cacert": "a stack over https: tests/e2e/test_tls.py",
    "make run": "the stack that this runs beside; over https in tests/e2e/test_tls.py",
    "make token TLS=1": "a stack over https: tests/e2e/test_tls.py",
    "make doctor TLS=1": "a stack over https: tests/e2e/test_tls.py",
    "make token": "tests/e2e/test_documented_commands.py",
    "make totp": "tests/e2e/test_documented_commands.py",
    "AUTH_PORT=9300": "a stack on other ports: this one is",
    "CLOCK_FILE=/tmp/clock make": "a stack with a clock of its own: this one has one",
    "ENVIRONMENT=local CLOCK_FILE=/tmp/clock .venv/bin/python -m mobile": "opens a browser: test_command_line.py",
    ".venv/bin/python -m mobile": "opens a browser: tests/e2e/test_command_line.py",
    "python -m mobile": "a name: tests/e2e/test_command_line.py runs its lines",
    "TLS=1 .venv/bin/python -m mobile": "opens a browser: tests/e2e/test_command_line.py",
    "echo": "moves the clock of a stack: tests/support/clock_file.py does the same",
    "certutil": "the key store of a desktop",
    "git switch": "would change this checkout",
    "python -m services.auth serve": "the stack that this runs beside",
    "python -m services.crm serve": "the stack that this runs beside",
    "python -m services.orders serve": "the stack that this runs beside",
    # named in the text without what they are about; each is run with it on its own page
    "clients rotate-secret": "tests/contracts/auth/test_client_commands.py",
    "clients enable": "tests/contracts/auth/test_client_commands.py",
    "users unlock": "tests/contracts/auth/test_user_commands.py",
    "users invite --admin": "tests/contracts/auth/test_user_commands.py",
    "audit tail --follow": "ends when it is interrupted: tests/contracts/auth/test_audit_commands.py",
    "sessions end-all": "with a user on the same page",
}


def commands_of(page: str) -> list[str]:
    """Return the commands of a page in its order, continued lines joined, without their comments."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for part in re.split(r"(^ *```\w*\n.*?^ *```$)", text, flags=re.MULTILINE | re.DOTALL):
        block = _BLOCK.fullmatch(part)
        if block is None:
            spans = (re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", part))
            found += [span for span in spans if _COMMAND.match(span)]
        elif block[1] in {"", "sh"}:
            lines = re.sub(r"\\\n\s*", " ", block[2]).splitlines()
            lines = [re.sub(r"\s+#( .*|$)", "", line).strip() for line in lines]
            found += [part for line in lines for part in line.split(" && ") if _COMMAND.match(part)]
    return found


def is_elsewhere(command: str) -> bool:
    """Say whether a command is listed, whole or by how it begins."""
    shorthand = re.match(_NOUNS, command) is not None
    return any(command == start if shorthand else command.startswith(start) for start in ELSEWHERE)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("runbooks"), {}) as running:
        yield running


@pytest.fixture
def run(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Return what runs one command line of ours with the settings of the stack, and gives what it printed."""
    given = {"DATA_DIR": str(stack.data), "CLOCK_FILE": str(stack.data / "clock"), "ENVIRONMENT": "local"}
    given |= {f"{name.upper()}_PORT": getattr(stack, name).rpartition(":")[2] for name in SERVICES}
    for name, value in stack_environment(given).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(ROOT)

    def by_hand(command: str) -> str:
        words = shlex.split(command)
        if words[:2] != ["python", "-m"]:
            line = command.replace(".venv/bin/python", sys.executable)
            line = line.replace("make doctor", f"{sys.executable} -m scripts.doctors")
            line = line.replace("http://localhost:9000", stack.auth)
            done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            return done.stdout
        cli = importlib.import_module("services.auth.operations.cli" if "auth" in words[2] else f"{words[2]}.cli")
        with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.redirect_stderr(said):
            code = cli.main(words[3:])
        assert code == 0, f"{command}\n{said.getvalue()}"
        return said.getvalue()

    return by_hand


@pytest.fixture
def family(page: str, stack: Stack, run: Callable[[str], str], tmp_path: Path) -> str:
    """Have whom the page is about sign in and work at the APIs, where it needs that, and return that sign-in's id."""
    run("python -m services.auth clients enable partner-web")
    run("python -m services.auth users enable alice")
    text = (ROOT / f"docs/runbooks/{page}.md").read_text(encoding="utf-8")
    if "FAMILY_ID" not in text and "SUB" not in text:
        return ""
    phones = Phones(stack, tmp_path)
    for person in (ALICE, CAROL) if "SUB" in text else (ALICE,):
        token = tokens_of(phones.signed_in(person)).access_token
        for address in (f"{stack.crm}/api/contacts", f"{stack.orders}/api/orders") if "SUB" in text else ():
            assert httpx2.get(address, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    phones.close()
    listed = run("python -m services.auth sessions list alice").splitlines()
    return next(line.split()[0] for line in listed if "mobile-app" in line)


def as_typed(command: str, who: str, family: str) -> str:
    """Return a command with what an operator would put for its capital words."""
    command = re.sub(r"^docker compose exec \w+ ", "", command).removeprefix("ENVIRONMENT=local ")
    if re.match(_NOUNS, command):
        command = f"python -m services.{'crm' if command.startswith('records') else 'auth'} {command}"
    stands_for = {
        "--from SUB --to SUB": f"--from {SUBJECTS['carol']} --to {SUBJECTS['alice']}",
        "FAMILY_ID ...": family,
        "FAMILY_ID": family,
        "CLIENT_ID": "partner-web",
        "ID": "partner-web",
        "USERNAME": who,
        "USER": "dinah" if " invite " in command else who,
        "FILE": "config/local.yaml",
    }
    for word, value in stands_for.items():
        command = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", value, command)
    return command


@pytest.mark.parametrize("page", PAGES)
def test_each_command_of_a_runbook_works_in_order(page: str, run: Callable[[str], str], family: str) -> None:
    who = {"leaver": "carol"}.get(page, "alice")
    for command in commands_of(f"docs/runbooks/{page}.md"):
        if not is_elsewhere(command):
            run(as_typed(command, who, family))


def test_no_runbook_is_left_out() -> None:
    assert sorted(PAGES) == sorted(path.stem for path in (ROOT / "docs/runbooks").glob("*.md"))


@pytest.mark.parametrize("page", OTHERS)
def test_the_pages_for_other_teams_hold_programs_and_no_commands(page: str) -> None:
    """Those of docs/bearer.md are run by tests/integration/test_bearer_example.py."""
    assert commands_of(page) == []


def test_nothing_is_listed_that_no_page_has() -> None:
    pages = [f"docs/runbooks/{page}.md" for page in PAGES]
    commands = [command for page in pages for command in commands_of(page)]
    assert len(commands) > 80
    for start in ELSEWHERE:
        assert any(command.startswith(start) for command in commands), start
