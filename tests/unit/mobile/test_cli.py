"""Exit codes, what is printed where, and that no token ever is."""

import io
import json
import os
import shutil
from pathlib import Path

import httpx2
import pytest

from mobile import cli
from mobile.options import parse
from tests.unit.mobile.conftest import Installed, Run


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


def test_sign_out_says_what_stays_signed_in(app: Installed, run: Run) -> None:
    app.sign_in()

    assert "browser stays signed in" in run("logout")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["login", "--store", "cloud"],
        *[["login", "--timeout", seconds] for seconds in ("nan", "inf", "-1", "1e12", "soon")],
        ["contacts", "--issuer", "http://auth.example"],
        ["contacts", "--crm", "ftp://x"],
        ["contacts", "surplus"],
        ["deliver"],
        ["move"],
        ["move", "7", "refund"],
        ["move", "../../x", "refund"],
        ["move", "0190a1b0-0000-7000-8000-00000000d002", "destroy"],
        ["move", "0190a1b0-0000-7000-8000-00000000d002"],
        ["contacts", "--issuer", "http://localhost:99999"],
        ["contacts", "--issuer", "https://user:password@auth.example"],
        ["contacts", "--issuer", "https://auth.example?x"],
        ["contacts", "--ca-file", "/nonexistent/ca.crt"],
        ["contacts", "--ca-file", "/dev/null"],
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

    assert (parse(["whoami"]).clock_file is not None) == honoured


@pytest.mark.usefixtures("run")
def test_reader_that_has_enough_is_no_traceback(
    app: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`python -m mobile contacts | head -1`"""
    app.sign_in()
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as broken:
        monkeypatch.setattr("sys.stdout", broken)
        assert cli.main(["--store", "file", "--store-path", str(tmp_path / "tokens.json"), "contacts"]) == 141


@pytest.mark.usefixtures("run")
def test_terminal_that_lacks_a_letter_shows_a_question_mark(
    app: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.sign_in()
    page = {"items": [{"id": "1", "name": "Zażółć"}], "next_cursor": None}
    app.provider.failures["/api/contacts"] = [httpx2.Response(200, json=page)]
    shown = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(shown, encoding="ascii"))

    assert cli.main(["--store", "file", "--store-path", str(tmp_path / "tokens.json"), "contacts"]) == 0
    assert b"Za????" in shown.getvalue()


@pytest.mark.parametrize("client_id", ["a/b", "../x", "a\nb", "é" * 300])
def test_client_id_is_no_path(run: Run, client_id: str) -> None:
    code, _, err = run("--client-id", client_id, "contacts", store=("--store", "file"))
    assert code == 3, err


def test_home_that_cannot_be_written_is_a_sentence(run: Run, tmp_path: Path) -> None:
    (tmp_path / ".local").touch()

    code, _, err = run("register")
    assert code == 1
    assert "cannot be written" in err
