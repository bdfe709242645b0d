"""`python -m mobile` as a person runs it: a process of its own, the browser beside it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from mobile.page import Page
from mobile.simulator import ALICE, BOB, DeepLink, Person, SystemBrowser
from mobile.tokens import Tokens
from tests.e2e.phones import SUBJECTS, Phones, StackClock, Wire, refused
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
        return self.run_with_sign_in(person, "login", *arguments)

    def run_with_sign_in(self, person: Person | None, *arguments: str) -> int:
        """Run a command that asks for a sign-in, do that, and return the exit code."""
        with subprocess.Popen(
            self._command("--no-browser", *arguments),
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

    def login_elsewhere(self, person: Person, answer: str) -> int:
        """Sign in at the address that is printed for another browser, press `answer` there; return the exit code."""
        with subprocess.Popen(
            self._command("login", "--device"),
            cwd=ROOT,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            page = self.browser.open(process.stdout.readline().strip())
            assert isinstance(page, Page)
            page = self.browser.click(page, "confirm-code")
            if isinstance(page, Page) and page.has("login"):
                page = self.browser.click(page, "sign-in", username=person.username, password=person.password)
            for _ in range(2):  # without a script the page asks for one more click
                if isinstance(page, Page) and page.has(answer):
                    page = self.browser.click(page, answer)
            assert isinstance(page, Page) and page.has("device-connected" if answer == "continue" else "device-refused")
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
        tokens = self.tokens()
        return [tokens.access_token, tokens.refresh_token or "", tokens.id_token]

    def tokens(self) -> Tokens:
        return Tokens.from_json(json.loads(self.store.read_text(encoding="utf-8"))["tokens"])

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
    terminal.stack.advance((terminal.tokens().expires_at - terminal.stack.now()).total_seconds() + 31)
    assert terminal.run("orders") == OK  # refreshed by itself
    secrets += terminal.secrets()
    assert len(set(secrets)) == 9
    assert terminal.run("logout") == OK
    assert terminal.run("contacts") == SIGN_IN_REQUIRED
    assert not terminal.store.exists()
    assert [secret for secret in secrets if secret in terminal.printed] == []


def test_a_bound_sign_in_from_login_to_logout(terminal: CommandLine, tmp_path: Path) -> None:
    """Its store is of no use without the key beside it, at the provider or at either API."""
    assert terminal.login(ALICE, "--bind") == OK
    assert terminal.tokens().bound
    for command in ("contacts", "orders", "whoami", "refresh", "contacts"):
        assert terminal.run(command) == OK, terminal.stderr
    (tmp_path / "thief").mkdir(mode=0o700)
    thief = CommandLine(terminal.stack, tmp_path / "thief")
    shutil.copy(terminal.store, thief.store)
    for command in ("contacts", "orders", "whoami", "refresh"):
        assert thief.run(command) == SIGN_IN_REQUIRED
    bearer = {"Authorization": f"Bearer {terminal.tokens().access_token}"}
    for url in (f"{terminal.stack.crm}/api/contacts", f"{terminal.stack.orders}/api/orders"):
        assert httpx2.get(url, headers=bearer).status_code == 401
    thief.browser.close()
    assert terminal.run("contacts") == OK
    assert terminal.run("logout") == OK
    assert sorted(tmp_path.glob("tokens.json*")) == sorted(tmp_path.glob("tokens.json.lock"))


def test_a_sign_in_by_a_browser_on_another_machine(terminal: CommandLine) -> None:
    """RFC 8628: the terminal shows an address and a code, and waits."""
    assert terminal.login_elsewhere(ALICE, "continue") == OK, terminal.stderr
    assert "signed in as Alice Liddell" in terminal.stdout
    assert terminal.run("contacts") == OK
    assert terminal.run("refresh") == OK
    assert terminal.run("logout") == OK
    assert terminal.login_elsewhere(ALICE, "cancel") == SIGN_IN_REQUIRED
    assert "was not allowed" in terminal.stderr
    assert not terminal.store.exists()


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


def test_refund_with_a_second_factor_that_is_too_old(terminal: CommandLine, stack: Stack, tmp_path: Path) -> None:
    phones = Phones(stack, tmp_path)
    phones.await_new_code(BOB)
    assert terminal.login(BOB) == OK
    order = order_of(terminal)
    for move, status in (("place", "placed"), ("pay", "paid")):
        assert terminal.run("move", order, move) == OK
        assert terminal.stdout.startswith(status)
    before = terminal.tokens()
    stack.advance(6 * 60)
    terminal.browser.visited.clear()

    assert terminal.run_with_sign_in(BOB, "move", order, "refund") == OK

    assert "refunded" in terminal.stdout
    assert "/login" not in terminal.browser.visited, "the second factor alone is asked for"
    assert terminal.tokens().claims["sub"] == before.claims["sub"]
    with httpx2.Client() as http:
        wire = Wire(stack, http)
        assert refused(wire.refresh(before.refresh_token or "")), "the weaker sign-in was replaced and has ended"
    assert terminal.run("contacts") == OK


def test_refund_by_somebody_without_a_second_factor_ends_with_a_sentence(terminal: CommandLine, stack: Stack) -> None:
    assert terminal.login(ALICE) == OK
    order = order_of(terminal)
    for move in ("place", "pay"):
        assert terminal.run("move", order, move) == OK
    terminal.browser.visited.clear()

    assert terminal.run_with_sign_in(ALICE, "move", order, "refund") == SIGN_IN_REQUIRED

    assert "second factor" in terminal.stderr
    assert terminal.run("contacts") == OK


def test_an_illegal_move_names_the_legal_ones(terminal: CommandLine) -> None:
    assert terminal.login(ALICE) == OK
    assert terminal.run("move", order_of(terminal), "ship") == FAILED
    assert "possible now: " in terminal.stderr
    assert "place" in terminal.stderr


def order_of(terminal: CommandLine) -> str:
    """Make a new order for one of the signed-in person's contacts, and return its id."""
    headers = {"Authorization": f"Bearer {terminal.tokens().access_token}"}
    with httpx2.Client(headers=headers) as http:
        contact = http.get(f"{terminal.stack.crm}/api/contacts").json()["items"][0]["id"]
        lines = [{"description": "Tea", "quantity": 1, "unit_price_minor": 5}]
        order = {"customer_id": contact, "currency": "EUR", "lines": lines}
        made = http.post(f"{terminal.stack.orders}/api/orders", json=order)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


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
