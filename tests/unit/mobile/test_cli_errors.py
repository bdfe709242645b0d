"""A sentence, a remedy and an exit code for what the other side does."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mobile import cli
from mobile.errors import UntrustedServer
from tests.unit.mobile.conftest import ORDER, Installed, Run


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
    assert "could not be told yet" in err
    assert app.client.tokens() is None
    assert app.provider.revoked == ["refresh-secret-1"], "at the end of the same command the provider was back"
    assert run("logout")[0] == 0


@pytest.mark.parametrize("command", ["contacts", "whoami", "logout"])
def test_any_later_command_tells_the_provider_of_an_offline_sign_out(app: Installed, run: Run, command: str) -> None:
    app.sign_in()
    app.provider.failures["/revoke"] = [httpx2.Response(503), httpx2.Response(503)]
    assert json.loads(run("logout", "--json")[1]) == {"signed_out": True, "revoked": False}
    assert app.provider.revoked == []

    assert run(command)[0] == (0 if command == "logout" else 3)
    assert app.provider.revoked == ["refresh-secret-1"]


def test_illegal_move_says_which_ones_are_possible(app: Installed, run: Run) -> None:
    app.sign_in()
    problem = {"title": "Conflict", "detail": "A draft cannot be shipped.", "legal_moves": ["place", "cancel"]}
    app.provider.failures[f"/api/orders/{ORDER}/ship"] = [httpx2.Response(409, json=problem)]

    code, _, err = run("move", ORDER, "ship")
    assert code == 1
    assert "A draft cannot be shipped." in err
    assert "possible now: place, cancel" in err


def test_missing_scope_is_named(app: Installed, run: Run) -> None:
    app.sign_in()
    challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="crm:read"'}
    app.provider.failures["/api/contacts"] = [httpx2.Response(403, headers=challenge)]

    code, _, err = run("contacts")
    assert code == 1
    assert "scope crm:read" in err


@pytest.mark.parametrize("page", [{}, {"items": 7}, {"items": [7]}, {"items": None}, {"items": [None]}])
def test_api_whose_list_is_none_is_1(app: Installed, run: Run, page: dict[str, Any]) -> None:
    app.sign_in()
    app.provider.failures["/api/contacts"] = [httpx2.Response(200, json=page)]

    code, out, err = run("contacts")
    assert (code, out) == (1, "")
    assert "not a list" in err


def test_busy_api_says_when_to_try_again(app: Installed, run: Run) -> None:
    app.sign_in()
    app.provider.failures["/api/contacts"] = [httpx2.Response(429, headers={"Retry-After": "17"})]

    code, _, err = run("contacts")
    assert code == 4
    assert "try again in 17 s" in err


@pytest.mark.enable_socket  # the loopback address that the browser would come back to
def test_offline_without_a_sign_in_promises_to_keep_none(app: Installed, run: Run) -> None:
    app.provider.failures["/.well-known/openid-configuration"] = [httpx2.Response(503)]

    # by loopback: the socket of a deep link may not fit below the test's own directory
    code, _, err = run("login", redirect_uri="http://127.0.0.1/callback")
    assert code == 4, err
    assert "kept" not in err


def test_untrusted_server_is_4_with_a_sentence_of_its_own(
    app: Installed, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.sign_in()

    def refuse(*_: object) -> None:
        raise UntrustedServer("its certificate is not trusted here")

    monkeypatch.setattr("mobile.client.send", refuse)
    code, _, err = run("contacts")
    assert code == 4
    assert "cannot be reached" not in err
    assert "your sign-in is kept" in err


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "HTTPS_PROXY"])
def test_environment_that_no_connection_can_be_made_with_is_a_sentence(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "foo:bar")

    assert cli.main(["--store", "file", "--store-path", str(tmp_path / "tokens.json"), "contacts"]) == 1
    assert "SSL_CERT_FILE" in capsys.readouterr().err
