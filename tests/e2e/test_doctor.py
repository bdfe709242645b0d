"""`doctor` of the three services, as their command lines run it, against real processes on loopback."""

import base64
import importlib
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from mobile.simulator import ALICE
from services.local_stack import LOCAL_CONFIG, ROOT, SERVICES, stack_environment
from shared.certificates import issue_authority, issue_certificate, new_key
from shared.clock import Clock
from tests.e2e.phones import Phones, refresh_token_of
from tests.support.databases import migrated
from tests.support.ports import free_ports
from tests.support.postgres import Cluster
from tests.support.stack import Stack, running_stack

STRANGE_KEY = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")


class Report(NamedTuple):
    """What one doctor printed: its exit code, and each check's verdict, line and remedy."""

    code: int
    text: str

    def failed(self) -> set[str]:
        return {line[11:].split("  ")[0] for line in self.text.splitlines() if line.startswith("  FAIL")}


Doctor = Callable[..., Report]
Suite = tuple[Stack, dict[str, str]]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """A running suite in which alice has signed in, and the environment that it was started with."""
    settings = dict(zip((f"{name.upper()}_PORT" for name in SERVICES), map(str, free_ports(3)), strict=True))
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        settings |= {f"{name.upper()}_DATABASE_URL": cluster.create_database() for name in SERVICES}
    data = tmp_path_factory.mktemp(f"doctor-{request.param}")
    with running_stack(data, settings) as running:
        phones = Phones(running, data / "phone")  # the first token brings the first status list
        phones.signed_in(ALICE)
        phones.close()
        yield running, {"DATA_DIR": str(data), "CLOCK_FILE": str(data / "clock"), **settings}


@pytest.fixture
def doctor(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    """Runs a service's own main() in this process, with the settings of a stack and what the test changes."""

    def run(service: str, environment: dict[str, str], **changes: str) -> Report:
        home = "operations.cli" if service == "auth" else "cli"
        main = importlib.import_module(f"services.{service}.{home}").main
        with monkeypatch.context() as patch:
            for name in list(os.environ):  # noqa: TID251 - a developer may have set some of ours
                if name.startswith(("AUTH_", "CRM_", "ORDERS_", "ENVIRONMENT", "DATA_DIR", "CLOCK_FILE")):
                    patch.delenv(name)
            for name, value in {**stack_environment(environment), **changes}.items():
                patch.setenv(name, value)
            code = main(["doctor"])
        out, err = capsys.readouterr()
        assert not err
        return Report(code, out)

    return run


@pytest.mark.parametrize("service", SERVICES)
def test_a_healthy_stack(suite: Suite, doctor: Doctor, service: str) -> None:
    _, environment = suite
    report = doctor(service, environment)
    assert report.code == 0, report.text
    assert report.failed() == set()
    assert "CLOCK_FILE moves ours by" in report.text
    assert ("/status/0 is signed and current" in report.text) == (service != "auth")


@pytest.mark.parametrize("service", SERVICES)
def test_the_provider_is_not_running(suite: Suite, doctor: Doctor, service: str) -> None:
    _, environment = suite
    (nobody,) = free_ports(1)
    away = f"http://localhost:{nobody}"
    report = doctor(service, environment, AUTH_ISSUER=away, CRM_ISSUER=away, ORDERS_ISSUER=away)
    assert report.code == 1
    assert report.failed() >= {"issuer", "clock"}
    assert "-> start it" in report.text
    assert "Traceback" not in report.text


def test_auth_with_the_wrong_keys_after_a_sign_in(suite: Suite, doctor: Doctor, tmp_path: Path) -> None:
    stack, environment = suite
    phones = Phones(stack, tmp_path)
    try:
        refresh_token = refresh_token_of(phones.signed_in(ALICE))
    finally:
        phones.close()
    assert doctor("auth", environment).code == 0
    keys = {"AUTH_KEY_ENCRYPTION_KEYS": STRANGE_KEY, "AUTH_REFRESH_MAC_KEYS": STRANGE_KEY}
    report = doctor("auth", environment, **keys)
    assert report.code == 1
    assert report.failed() == {"encryption keys", "MAC keys", "tokens"}
    secrets = [file.read_text(encoding="ascii").strip() for file in (stack.data / "secrets").iterdir()]
    assert len(secrets) == 2
    assert [secret for secret in [*secrets, STRANGE_KEY, refresh_token] if secret in report.text] == []


@pytest.mark.parametrize("service", ["crm", "orders"])
def test_an_issuer_that_is_named_otherwise(suite: Suite, doctor: Doctor, service: str) -> None:
    stack, environment = suite
    other = stack.auth.replace("localhost", "127.0.0.1")
    report = doctor(service, environment, **{f"{service.upper()}_ISSUER": other})
    assert report.code == 1
    assert report.failed() == {"installation", "issuer", "audience", "status lists"}
    assert f"{service.upper()}_ISSUER is {other}" in report.text


def test_a_database_that_was_not_migrated(suite: Suite, doctor: Doctor, database_url: str) -> None:
    _, environment = suite
    migrated("orders", database_url).dispose()  # a schema, but not this service's
    report = doctor("crm", environment, CRM_DATABASE_URL=database_url)
    assert report.failed() == {"migrations"}
    assert "which this code does not know" in report.text


def test_a_database_that_refuses_us_tells_no_password(suite: Suite, doctor: Doctor, postgres: Cluster) -> None:
    _, environment = suite
    url = postgres.url("nowhere").replace("postgres@", "crm:hush-hush@")
    report = doctor("crm", environment, CRM_DATABASE_URL=url)
    assert report.failed() == {"database", "migrations", "installation"}
    assert "hush" not in report.text


# ---------------------------------------------------------------- TLS


@contextmanager
def over_tls(directory: Path) -> Iterator[dict[str, str]]:
    """Serve auth over https with a CA of its own, and yield its environment, without the CA."""
    now, (port,) = Clock().now(), free_ports(1)
    authority_key, key = new_key(), new_key()
    authority = issue_authority(authority_key, "localhost", now)
    certificate = issue_certificate(authority, authority_key, key, ["localhost"], now)
    for name, content in {"ca.crt": authority, "tls.crt": certificate, "tls.key": key}.items():
        (directory / name).write_bytes(content)
    environment = {
        "ENVIRONMENT": "local",
        "DATA_DIR": str(directory),
        "AUTH_PORT": str(port),
        "AUTH_ISSUER": f"https://localhost:{port}",
        "AUTH_TLS_CERT_FILE": str(directory / "tls.crt"),
        "AUTH_TLS_KEY_FILE": str(directory / "tls.key"),
    }
    migrated("auth", f"sqlite:///{directory / 'auth.sqlite3'}").dispose()
    command = [sys.executable, "-m", "services.auth"]
    process_environment = stack_environment(environment)
    subprocess.run([*command, "apply", str(LOCAL_CONFIG)], cwd=ROOT, env=process_environment, check=True)
    with (
        (directory / "log").open("w", encoding="utf-8") as log,
        subprocess.Popen([*command, "serve"], cwd=ROOT, env=process_environment, stdout=log, stderr=log) as process,
    ):
        try:
            # the transport tries again, a little later each time, for as long as nothing listens
            trusted = ssl.create_default_context(cafile=str(directory / "ca.crt"))
            with httpx2.Client(transport=httpx2.HTTPTransport(verify=trusted, retries=7), timeout=20) as client:
                client.get(f"{environment['AUTH_ISSUER']}/livez").raise_for_status()
            yield environment
        finally:
            process.terminate()


def test_over_tls_with_the_authority_trusted_or_not(doctor: Doctor, tmp_path: Path) -> None:
    with over_tls(tmp_path) as environment:
        trusting = doctor("auth", environment, SSL_CERT_FILE=str(tmp_path / "ca.crt"))
        stranger = doctor("auth", environment, SSL_CERT_FILE=str(tmp_path / "tls.crt"))
    assert trusting.code == 0, trusting.text
    assert "__Host-SSO_BROWSER is Secure, HttpOnly, Lax" in trusting.text
    assert stranger.code == 1
    assert stranger.failed() == {"issuer", "key set", "tokens", "cookies", "proxy headers", "clock"}
    assert "-> let SSL_CERT_FILE name the CA that signed it" in stranger.text
