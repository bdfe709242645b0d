"""What `make run`, `make token` and `make totp` print works as printed: in a new terminal, without a keychain."""

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import jwt
import pytest

from mobile.simulator import ALICE, BOB, SystemBrowser
from tests.e2e.phones import StackClock
from tests.support.stack import SERVICES, Stack, running_stack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["0", "1"], ids=["http", "https"])
def printing_stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("printed") / "with a space", {"TLS": request.param}) as running:
        yield running


@pytest.fixture(scope="module")
def printed(printing_stack: Stack) -> list[str]:
    """Return what `python -m services` printed after it was ready."""
    assert printing_stack._process.stdout is not None
    lines = []
    for line in printing_stack._process.stdout:
        lines.append(line.strip())
        if line.startswith("Ctrl-C"):
            return lines
    raise AssertionError(f"it ended: {lines}")


@pytest.fixture
def new_terminal(tmp_path: Path) -> dict[str, str]:
    """The environment of a second terminal: an empty home, no keychain, nothing of the stack's settings."""
    ours = ("AUTH_", "CRM_", "ORDERS_", "ENVIRONMENT", "DATA_DIR", "CLOCK_FILE", "TLS", "SSL_CERT_FILE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}  # noqa: TID251 - handed on
    return {**kept, "HOME": str(tmp_path), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}


def settings(stack: Stack) -> dict[str, str]:
    """Return what the person typed before `make run`, to be typed before `make token` again."""
    ports = {f"{name.upper()}_PORT": getattr(stack, name).rpartition(":")[2] for name in SERVICES}
    tls = "1" if stack.auth.startswith("https") else "0"
    return ports | {
        "TLS": tls,
        "DATA_DIR": str(stack.data),
        "ENVIRONMENT": "local",
        "CLOCK_FILE": str(stack.data / "clock"),
    }


def trusting(stack: Stack) -> httpx2.HTTPTransport:
    """Return a network on which the stack's CA is trusted, as the person's browser would after its import."""
    authority = stack.data / "tls" / "ca.crt"
    return httpx2.HTTPTransport(verify=ssl.create_default_context(cafile=authority if authority.exists() else None))


def run(command: str | list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=ROOT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_commands_to_try_work_as_printed(
    printing_stack: Stack, printed: list[str], new_terminal: dict[str, str], tmp_path: Path
) -> None:
    login, contacts = (line for line in printed if " -m mobile " in line)
    assert login.endswith(" login")
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    os.mkfifo(opened)
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n', encoding="utf-8")
    browser.chmod(0o700)
    environment = {**new_terminal, "BROWSER": f"{browser} %s"}

    with subprocess.Popen(  # noqa: S602 - what is printed is a line for a shell
        login, shell=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        person = SystemBrowser(StackClock(printing_stack), trusting(printing_stack))
        assert person.follow(person.sign_in(opened.read_text(encoding="utf-8"), ALICE)).status_code == 200
        person.close()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "signed in as Alice Liddell\n"), err
    assert err.count("no protected keychain here") == 1

    listed = run(contacts, environment)
    assert listed.returncode == 0, listed.stderr
    assert "Mad Hatter" in listed.stdout
    assert listed.stderr == ""


def test_the_client_finds_the_stack_by_the_settings_that_moved_it(
    printing_stack: Stack, new_terminal: dict[str, str]
) -> None:
    done = run([sys.executable, "-m", "mobile", "contacts"], new_terminal | settings(printing_stack))

    assert done.returncode == 3, done.stderr
    with subprocess.Popen(
        [sys.executable, "-m", "mobile", "login", "--no-browser", "--timeout", "0"],
        cwd=ROOT,
        env=new_terminal | settings(printing_stack),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        out, _ = process.communicate(timeout=60)
    assert out.startswith(f"{printing_stack.auth}/authorize?")


@pytest.mark.parametrize(
    ("scope", "record"), [("crm:read offline_access", "Mad Hatter"), ("orders:read orders:write", "EUR")]
)
def test_the_curl_line_works_as_printed(
    printing_stack: Stack, new_terminal: dict[str, str], scope: str, record: str
) -> None:
    made = run([sys.executable, "-m", "scripts.curl_line", "--scope", scope], new_terminal | settings(printing_stack))
    assert made.returncode == 0, made.stderr
    access_token = made.stdout.partition("Bearer ")[2].partition("'")[0]
    granted = jwt.decode(access_token, options={"verify_signature": False})["scope"]
    assert "offline_access" not in granted, "a refresh token was issued and forgotten"

    answered = run(made.stdout.strip(), new_terminal)
    assert answered.returncode == 0, answered.stderr
    assert " 200 " in answered.stdout.splitlines()[0]
    assert record in answered.stdout


def test_the_code_of_totp_is_of_the_stacks_time(printing_stack: Stack, new_terminal: dict[str, str]) -> None:
    printing_stack.advance(3_600)
    clock = StackClock(printing_stack)
    before = BOB.one_time_code(clock)

    made = run([sys.executable, "-m", "scripts.dev_code"], new_terminal | settings(printing_stack))
    assert made.stdout.strip() in {before, BOB.one_time_code(clock)}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"AUTH_PORT": "1"}, "is `make run` running"),
        ({"AUTH_PORT": "x"}, "AUTH_PORT: must be a port number"),
        ({"TLS": "1", "DATA_DIR": "/nonexistent"}, "make run TLS=1"),
    ],
)
def test_no_token_is_a_sentence(new_terminal: dict[str, str], changed: dict[str, str], said: str) -> None:
    made = run([sys.executable, "-m", "scripts.curl_line"], new_terminal | changed)

    assert (made.returncode, made.stdout) == (1, "")
    (line,) = made.stderr.splitlines()
    assert said in line
