"""Where the command line keeps the sign-in, and what it says when it cannot."""

from pathlib import Path

import keyring.backends.fail
import pytest

from tests.integration.mobile.scripted_provider import ScriptedProvider
from tests.unit.mobile.conftest import Installed, Run
from tests.unit.mobile.keychains import Keychain


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


def test_keychain_that_was_asked_for_and_is_missing_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keyring.get_keyring", keyring.backends.fail.Keyring)

    code, _, err = run("contacts", store=("--store", "keyring"))
    assert code == 1
    assert "--store file" in err


def test_machine_without_a_keychain_signs_in_to_a_private_file_and_is_told_once(
    run: Run, sign_in_by_browser: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyring.get_keyring", keyring.backends.fail.Keyring)

    code, out, err = run("login", store=())
    assert (code, out) == (0, "signed in as Alice Liddell\n")
    (line,) = [line for line in err.splitlines() if "keychain" in line]
    (file,) = (tmp_path / ".local/share/company-sso").glob("*.json")
    assert str(file) in line
    assert file.stat().st_mode & 0o077 == 0

    for command in ("contacts", "orders", "whoami", "refresh"):
        code, _, err = run(command, store=())
        assert (code, err) == (0, "")
    assert run("logout", store=())[0] == 0
    assert not file.exists()


def test_sign_in_in_a_file_is_found_again_when_there_is_a_keychain(
    run: Run, sign_in_by_browser: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keychain = Keychain()
    assert run("login", store=("--store", "file"))[0] == 0
    monkeypatch.setattr("keyring.get_keyring", lambda: keychain)

    assert run("contacts", store=())[0] == 0
    assert run("logout", store=())[0] == 0
    assert keychain.entries == {}
    assert run("login", store=())[0] == 0
    assert keychain.entries


def test_each_issuer_has_a_file_of_its_own(
    run: Run, provider: ScriptedProvider, sign_in_by_browser: list[str], tmp_path: Path
) -> None:
    """After `make run TLS=1` the http stack's sign-in neither blocks the https one nor is lost."""
    file = ("--store", "file")
    assert run("login", store=file)[0] == 0
    provider.issuer = "https://localhost:9000"
    assert run("--issuer", provider.issuer, "login", store=file)[0] == 0
    assert run("--issuer", provider.issuer, "logout", store=file)[0] == 0

    provider.issuer = "http://localhost:9000"
    assert run("contacts", store=file)[0] == 0
    assert len(list((tmp_path / ".local/share/company-sso").glob("*.json"))) == 1


def test_user_without_a_home_is_told_what_to_name(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    code, _, err = run("contacts", store=("--store", "file"))
    assert code == 1
    assert "--store-path" in err
