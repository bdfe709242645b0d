"""The command line finds the stack that `make run` started with the same settings."""

from pathlib import Path

import pytest

from mobile.local_stack import BadSetting, LocalStack
from mobile.options import parse


def test_plain_run() -> None:
    stack = LocalStack.named_by({})

    assert (stack.issuer, stack.crm, stack.orders) == tuple(f"http://localhost:{port}" for port in (9000, 9001, 9002))
    assert stack.ca_file is None


def test_ports_and_tls_are_followed() -> None:
    moved = {"AUTH_PORT": "9300", "CRM_PORT": "9301", "ORDERS_PORT": "", "TLS": "1", "DATA_DIR": "/srv/sso"}
    stack = LocalStack.named_by(moved)

    assert stack.issuer == "https://localhost:9300"
    assert stack.crm == "https://localhost:9301"
    assert stack.orders == "https://localhost:9002"
    assert stack.ca_file == Path("/srv/sso/tls/ca.crt")


def test_addresses_that_are_given_whole_win_over_ports() -> None:
    given = {"AUTH_ISSUER": "https://auth.example", "CRM_AUDIENCE": "https://crm.example", "AUTH_PORT": "1", "TLS": "0"}
    stack = LocalStack.named_by(given)

    assert (stack.issuer, stack.crm) == ("https://auth.example", "https://crm.example")
    assert stack.orders == "http://localhost:9002"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_PORT", "nine"),
        ("CRM_PORT", "0"),
        ("ORDERS_PORT", "65536"),
        ("ORDERS_PORT", "-1"),
        ("TLS", "yes"),
        ("AUTH_ISSUER", "http://auth.example"),
    ],
)
def test_bad_setting_is_named(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BadSetting, match=name):
        LocalStack.named_by({name: value})

    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        parse(["whoami"])
    assert stopped.value.code == 2
    assert name in capsys.readouterr().err


def test_options_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_PORT", "9300")

    options = parse(["whoami", "--issuer", "https://auth.example/"])
    assert options.issuer == "https://auth.example"
    assert parse(["whoami"]).issuer == "http://localhost:9300"


def test_tls_without_its_authority_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TLS", "1")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    with pytest.raises(SystemExit):
        parse(["whoami"])
    assert "make run TLS=1" in capsys.readouterr().err
