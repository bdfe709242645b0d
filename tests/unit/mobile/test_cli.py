"""Exit codes, what is printed where, and that no token ever is."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import keyring.backends.fail
import pytest

from mobile import cli
from tests.unit.mobile.conftest import Installed

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, provider: Any, clock: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Run a command on this test's store against the scripted provider; return exit code, stdout and stderr."""
    real_client = httpx2.Client
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(cli, "Clock", lambda _file: clock)
    monkeypatch.setattr(
        httpx2, "Client", lambda **_options: real_client(transport=httpx2.MockTransport(provider.handle))
    )

    def _run(*arguments: str, redirect_uri: str = "myapp://callback") -> tuple[int, str, str]:
        path = str(tmp_path / "tokens.json")
        code = cli.main(["--store", "file", "--store-path", path, "--redirect-uri", redirect_uri, *arguments])
        shown = capsys.readouterr()
        assert "secret" not in shown.out + shown.err, "a token was printed"
        assert not re.search(r"ey[\w-]+\.ey", shown.out + shown.err), "a JWT was printed"
        return code, shown.out, shown.err

    return _run


def test_commands_print_results_to_stdout_alone(app: Installed, run: Run) -> None:
    app.sign_in()

    for command, text in [
        ("contacts", "Hatter"),
        ("orders", "draft"),
        ("whoami", "Alice Liddell"),
        ("refresh", "good until 2030-01-01T12:05:00Z"),
    ]:
        code, out, err = run(command)
        assert (code, err) == (0, "")
        assert text in out


def test_json_is_json_wherever_the_option_stands(app: Installed, run: Run) -> None:
    app.sign_in()

    assert json.loads(run("--json", "contacts")[1])["items"][0]["id"] == "1"
    assert json.loads(run("orders", "--json")[1])["next_cursor"] is None
    assert json.loads(run("whoami", "--json")[1])["sub"] == "alice"
    assert json.loads(run("refresh", "--json")[1])["expires_at"] == "2030-01-01T12:05:00Z"
    assert json.loads(run("logout", "--json")[1]) == {"signed_out": True, "revoked": True}


def test_what_an_api_sends_cannot_steer_the_terminal(app: Installed, run: Run) -> None:
    app.sign_in()

    assert "\x1b" not in run("contacts")[1]
    assert "\x1b" not in run("contacts", "--json")[1]


def test_all_pages_of_a_list_are_fetched(app: Installed, run: Run) -> None:
    app.sign_in()
    first = {"items": [{"id": "0", "name": "First"}], "next_cursor": "c"}
    app.provider.failures["/api/contacts"] = [httpx2.Response(200, json=first)]

    assert [item["id"] for item in json.loads(run("contacts", "--json")[1])["items"]] == ["0", "1"]


@pytest.mark.parametrize("command", ["contacts", "orders", "whoami", "refresh"])
def test_without_sign_in_it_is_3(run: Run, command: str) -> None:
    code, out, err = run(command)

    assert (code, out) == (3, "")
    assert "sign in" in err


def test_ended_sign_in_is_3(app: Installed, run: Run) -> None:
    app.sign_in()
    app.provider.family_alive = False
    app.provider.generation = 9

    assert run("refresh")[0] == 3
    assert app.client.tokens() is None


@pytest.mark.parametrize("status", [400, 403, 404, 422, 500])
def test_api_error_is_1_and_names_it(app: Installed, run: Run, status: int) -> None:
    app.sign_in()
    app.provider.failures["/api/contacts"] = [httpx2.Response(status, json={"title": "Bad \x1b[31mluck"})]

    code, out, err = run("contacts")
    assert (code, out) == (1, "")
    assert f"{status} Bad" in err
    assert "\x1b" not in err


def test_api_that_answers_no_json_is_1(app: Installed, run: Run) -> None:
    app.sign_in()
    app.provider.failures["/api/contacts"] = [httpx2.Response(200, text="<html>")]

    assert run("contacts")[0] == 1


def test_offline_is_4_and_tokens_are_kept(app: Installed, run: Run) -> None:
    app.sign_in()
    before = app.client.tokens()
    app.provider.failures = {
        "/api/contacts": [httpx2.Response(503)],
        "/.well-known/openid-configuration": [httpx2.Response(502), httpx2.Response(504)],
    }

    assert run("contacts")[0] == 4
    code, out, err = run("refresh")
    assert (code, out) == (4, "")
    assert "kept" in err
    assert app.client.tokens() == before


def test_sign_out_offline_says_so_and_is_done(app: Installed, run: Run) -> None:
    app.sign_in()
    app.provider.failures["/.well-known/openid-configuration"] = [httpx2.Response(503)]

    code, out, err = run("logout")
    assert (code, out) == (0, "signed out\n")
    assert "could not be told" in err
    assert app.client.tokens() is None
    assert run("logout")[0] == 0


def test_sign_out_says_what_stays_signed_in(app: Installed, run: Run) -> None:
    app.sign_in()

    assert "browser stays signed in" in run("logout")[2]


def test_damaged_store_is_1_until_sign_out_empties_it(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    path.touch(0o600)
    path.write_text("damaged")

    assert run("contacts")[0] == 1
    assert run("logout")[0] == 0
    assert run("contacts")[0] == 3


def test_sign_out_does_not_empty_a_store_of_another_issuer(app: Installed, run: Run) -> None:
    app.sign_in()

    assert run("--issuer", "https://other.example", "logout")[0] == 1
    assert app.client.tokens() is not None


def test_machine_without_a_keychain_is_told_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_keyring", keyring.backends.fail.Keyring)

    code, _, err = run("--store", "keyring", "contacts")
    assert code == 1
    assert "--store file" in err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["login", "--store", "cloud"],
        ["contacts", "--issuer", "http://auth.example"],
        ["contacts", "--crm", "ftp://x"],
        ["contacts", "surplus"],
        ["deliver"],
        ["register", "--redirect-uri", "http://127.0.0.1/callback"],
        ["login", "--redirect-uri", "https://app.example/callback"],
        ["login", "--redirect-uri", "http://localhost/callback"],
        ["login", "--redirect-uri", "http://127.0.0.1:x/callback"],
        ["login", "--redirect-uri", "callback"],
        ["login", "--redirect-uri", "myapp://callback#fragment"],
    ],
)
def test_usage_error_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)

    assert stopped.value.code == 2
    assert capsys.readouterr().out == ""


def test_link_that_nobody_waits_for_is_ignored(run: Run) -> None:
    code, out, err = run("deliver", "myapp://callback?code=x&state=y")

    assert (code, out) == (1, "")
    assert "ignored" in err


def test_handler_is_registered_for_the_scheme(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    code, out, err = run("register")
    entry = (tmp_path / ".local/share/applications/company-sso-myapp.desktop").read_text()
    assert code == 0
    assert "company-sso-myapp.desktop" in out
    assert "xdg-mime default" in err
    assert "MimeType=x-scheme-handler/myapp;" in entry
    assert entry.splitlines()[-1].endswith(" -m mobile deliver %u")


@pytest.mark.parametrize(("environment", "honoured"), [("local", True), ("production", False), (None, False)])
def test_clock_file_is_honoured_in_local_mode_alone(
    environment: str | None, honoured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOCK_FILE", "/clock")
    monkeypatch.delenv("ENVIRONMENT", raising=False)
    if environment is not None:
        monkeypatch.setenv("ENVIRONMENT", environment)

    assert (cli._parse(["whoami"]).clock_file is not None) == honoured
