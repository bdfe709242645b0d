"""`python -m mobile` as a person runs it: a process of its own, the browser beside it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobile.page import Page
from mobile.simulator import ALICE, BOB, DeepLink, Person, SystemBrowser
from tests.e2e.phones import SUBJECTS, Phones, StackClock
from tests.support.ports import free_ports
from tests.support.stack import Stack

ROOT = Path(__file__).parents[2]
OK, FAILED, USAGE, SIGN_IN_REQUIRED, OFFLINE = range(5)


class CommandLine:
    """One user's terminal: a home directory, a token store, a browser."""

    def __init__(self, stack: Stack, home: Path) -> None:
        self.stack = stack
        self.store = home / "tokens.json"
        self.browser = SystemBrowser(StackClock(stack))
        self.printed = ""
        clock = {"ENVIRONMENT": "local", "CLOCK_FILE": str(stack.data / "clock")}
        self._environment = {**os.environ, **clock, "HOME": str(home)}  # noqa: TID251 - handed on to a process

    def run(self, *arguments: str, **addresses: str) -> int:
        done = subprocess.run(
            self._command(*arguments, **addresses),
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.printed += done.stdout + done.stderr
        self.stdout, self.stderr = done.stdout, done.stderr
        return done.returncode

    def login(self, person: Person | None, *arguments: str) -> int:
        """Sign in in the browser at the address that is printed, or cancel there, and return the exit code."""
        with subprocess.Popen(
            self._command("login", "--no-browser", *arguments),
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            link = self.browser.sign_in(url, person) if person else self._cancel(url)
            assert self.browser.follow(link).status_code == 200
            self.stdout, self.stderr = process.communicate()
        self.printed += self.stdout + self.stderr
        return process.returncode

    def login_in_the_systems_browser(self, person: Person) -> int:
        """Sign in at the address that the app opens the system's browser with, and return the exit code."""
        opened, browser = self.store.with_name("opened"), self.store.with_name("browser")
        os.mkfifo(opened)
        browser.write_text(f'#!/bin/sh\nprintf %s "$1" > "{opened}"\n', encoding="utf-8")
        browser.chmod(0o700)
        with subprocess.Popen(
            self._command("login"),
            cwd=ROOT,
            env={**self._environment, "BROWSER": f"{browser} %s"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            url = opened.read_text(encoding="utf-8")
            assert self.browser.follow(self.browser.sign_in(url, person)).status_code == 200
            self.stdout, self.stderr = process.communicate()
        self.printed += self.stdout + self.stderr
        return process.returncode

    def secrets(self) -> list[str]:
        tokens = json.loads(self.store.read_text(encoding="utf-8"))["tokens"]
        return [tokens[name] for name in ("access_token", "refresh_token", "id_token")]

    def _cancel(self, url: str) -> DeepLink:
        page = self.browser.open(url)
        assert isinstance(page, Page)
        link = self.browser.click(page, "cancel")
        assert isinstance(link, DeepLink)
        return link

    def _command(self, *arguments: str, **addresses: str) -> list[str]:
        where = {"issuer": self.stack.auth, "crm": self.stack.crm, "orders": self.stack.orders, **addresses}
        options = [word for name, address in where.items() for word in (f"--{name}", address)]
        return [
            sys.executable,
            "-m",
            "mobile",
            *options,
            "--store",
            "file",
            "--store-path",
            str(self.store),
            *arguments,
        ]


@pytest.fixture
def terminal(stack: Stack, tmp_path: Path) -> Iterator[CommandLine]:
    opened = CommandLine(stack, tmp_path)
    yield opened
    opened.browser.close()


def test_from_login_to_logout(terminal: CommandLine) -> None:
    assert terminal.run("contacts") == SIGN_IN_REQUIRED
    assert terminal.login(ALICE) == OK
    assert "signed in as Alice Liddell" in terminal.stdout
    secrets = terminal.secrets()
    assert terminal.run("contacts", "--json") == OK
    assert {"Mad Hatter", "Cheshire Cat"} <= {item["name"] for item in json.loads(terminal.stdout)["items"]}
    assert terminal.run("orders") == OK
    assert "EUR" in terminal.stdout
    assert terminal.run("whoami", "--json") == OK
    assert json.loads(terminal.stdout)["sub"] == SUBJECTS["alice"]
    assert terminal.run("refresh") == OK
    secrets += terminal.secrets()
    terminal.stack.advance(331)
    assert terminal.run("orders") == OK  # refreshed by itself
    secrets += terminal.secrets()
    assert len(set(secrets)) == 9
    assert terminal.run("logout") == OK
    assert terminal.run("contacts") == SIGN_IN_REQUIRED
    assert not terminal.store.exists()
    assert [secret for secret in secrets if secret in terminal.printed] == []


@pytest.mark.requirement("RFC8252-8.12")
def test_login_opens_the_systems_browser_and_sees_no_password(terminal: CommandLine) -> None:
    assert terminal.login_in_the_systems_browser(ALICE) == OK
    assert terminal.browser.visited == ["/login"], "the form was the browser's to fill in"
    assert ALICE.password not in terminal.printed + terminal.store.read_text(encoding="utf-8")


def test_login_with_a_second_factor_on_ipv6_loopback(terminal: CommandLine, stack: Stack, tmp_path: Path) -> None:
    Phones(stack, tmp_path).await_new_code(BOB)
    assert terminal.login(BOB, "--redirect-uri", "http://[::1]/callback") == OK
    assert terminal.browser.visited == ["/login", "/mfa"]
    assert terminal.run("contacts") == OK
    assert "Wendy Fixit" in terminal.stdout
    assert "Mad Hatter" not in terminal.stdout


def test_cancelled_in_the_browser(terminal: CommandLine) -> None:
    assert terminal.login(None) == SIGN_IN_REQUIRED
    assert "cancelled" in terminal.stderr
    assert not terminal.stdout


def test_failures_have_exit_codes_of_their_own(terminal: CommandLine) -> None:
    (nobody,) = free_ports(1)
    assert terminal.run("no-such-command") == USAGE
    assert terminal.run("contacts", issuer="ftp://localhost") == USAGE
    assert terminal.run("login", "--no-browser", issuer=f"http://localhost:{nobody}") == OFFLINE
    assert terminal.login(ALICE) == OK
    before = terminal.store.read_text(encoding="utf-8")
    assert terminal.run("contacts", crm=terminal.stack.orders) == FAILED  # 404 there
    assert terminal.run("contacts", crm=f"http://localhost:{nobody}") == OFFLINE
    assert "your sign-in is kept" in terminal.stderr
    assert terminal.run("contacts", issuer="http://localhost:1") == FAILED  # the store is another provider's
    assert terminal.store.read_text(encoding="utf-8") == before
    assert terminal.run("contacts") == OK
