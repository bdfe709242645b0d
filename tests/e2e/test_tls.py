"""`make run TLS=1`: the same suite over https, with a CA that speaks for this machine alone."""

import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from mobile.authorization import Registration
from mobile.simulator import ALICE, BOB, App, Phone, SystemBrowser
from mobile.tokens import Tokens
from tests.e2e.phones import StackClock, names, tokens_of
from tests.support.ports import free_ports
from tests.support.stack import SERVICES, Stack, running_stack

ROOT = Path(__file__).parents[2]
TLS = {"TLS": "1"}


@pytest.fixture(scope="module")
def secure_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("tls"), TLS) as running:
        yield running


def network(stack: Stack) -> httpx2.HTTPTransport:
    """Return a network on which the stack's CA is trusted, and no other."""
    return httpx2.HTTPTransport(verify=ssl.create_default_context(cafile=str(stack.data / "tls" / "ca.crt")))


def install(stack: Stack, directory: Path) -> tuple[Phone, App]:
    registration = Registration(stack.auth, redirect_uri="myapp://callback")
    phone = Phone(registration, directory, StackClock(stack), network(stack))
    return phone, phone.install("app", network(stack))


def test_sign_in_call_refresh_and_logout(secure_stack: Stack, tmp_path: Path) -> None:
    assert secure_stack.auth.startswith("https://localhost:")
    phone, app = install(secure_stack, tmp_path)
    try:
        app.sign_in(ALICE)
        assert set(phone.browser.cookies) >= {"__Host-SSO_SESSION"}
        assert all(cookie.secure for cookie in phone.browser.cookies.jar)
        assert "Mad Hatter" in names(app.client.get(f"{secure_stack.crm}/api/contacts"))
        assert app.client.get(f"{secure_stack.orders}/api/orders").status_code == 200
        before = tokens_of(app).access_token
        secure_stack.advance(timedelta(minutes=16).total_seconds())
        assert "Mad Hatter" in names(app.client.get(f"{secure_stack.crm}/api/contacts"))
        assert tokens_of(app).access_token != before
        app.client.sign_out()
    finally:
        phone.close()


@pytest.mark.requirement("RFC6750-5.3-servers")
def test_what_it_says_of_itself_is_https(secure_stack: Stack) -> None:
    with httpx2.Client(transport=network(secure_stack)) as http:
        metadata = http.get(f"{secure_stack.auth}/.well-known/openid-configuration").json()
        resource = http.get(f"{secure_stack.crm}/.well-known/oauth-protected-resource").json()
    assert metadata["issuer"] == secure_stack.auth
    assert {url.split(":")[0] for name, url in metadata.items() if name.endswith("_endpoint")} == {"https"}
    assert resource["resource"] == secure_stack.crm
    assert resource["authorization_servers"] == [secure_stack.auth]


def test_the_seeded_addresses_follow(secure_stack: Stack) -> None:
    """swagger's redirect URI is under the API's own, https, address: with the http one it is refused."""
    query = "response_type=code&client_id=swagger&scope=openid&code_challenge_method=S256&code_challenge=" + "A" * 43
    with httpx2.Client(transport=network(secure_stack)) as http:
        for address, status in ((secure_stack.crm, 303), (secure_stack.crm.replace("https:", "http:"), 400)):
            answer = http.get(f"{secure_stack.auth}/authorize?{query}&redirect_uri={address}/docs/oauth2-redirect")
            assert answer.status_code == status, address


@pytest.mark.parametrize("name", SERVICES)
def test_who_does_not_trust_the_authority_gets_no_answer(secure_stack: Stack, name: str) -> None:
    with httpx2.Client(trust_env=False) as stranger, pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY"):
        stranger.get(f"{getattr(secure_stack, name)}/livez")


def test_addresses_are_covered_and_private_keys_are_private(secure_stack: Stack) -> None:
    port = secure_stack.auth.rpartition(":")[2]
    with httpx2.Client(transport=network(secure_stack)) as http:
        assert http.get(f"https://127.0.0.1:{port}/livez").status_code == 200
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (secure_stack.data / "tls").iterdir()}
    assert modes == {"ca.key": 0o600, "tls.key": 0o600, "ca.crt": 0o644, "tls.crt": 0o644}


@pytest.mark.parametrize("told", ["option", "environment"])
def test_the_command_line_takes_the_authority(secure_stack: Stack, tmp_path: Path, told: str) -> None:
    authority = str(secure_stack.data / "tls" / "ca.crt")
    command = [sys.executable, "-m", "mobile", "--store", "file", "--store-path", str(tmp_path / "tokens.json")]
    command += ["--issuer", secure_stack.auth, "--crm", secure_stack.crm, "--orders", secure_stack.orders]
    environment = {**os.environ, "ENVIRONMENT": "local", "CLOCK_FILE": str(secure_stack.data / "clock")}  # noqa: TID251
    environment.pop("SSL_CERT_FILE", None)
    strange = subprocess.run([*command, "login"], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert strange.returncode == 4
    if told == "option":
        command += ["--ca-file", authority]
    else:
        environment["SSL_CERT_FILE"] = authority
    browser = SystemBrowser(StackClock(secure_stack), network(secure_stack))
    secure_stack.advance(30)
    with subprocess.Popen(
        [*command, "login", "--no-browser"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        link = browser.sign_in(process.stdout.readline().strip(), BOB)
        assert browser.follow(link).status_code == 200
        process.communicate()
    browser.close()
    assert process.returncode == 0
    done = subprocess.run([*command, "contacts"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert "Wendy Fixit" in done.stdout


def test_http_and_https_take_turns_on_the_same_data(tmp_path: Path) -> None:
    """Records, keys, sign-ins and the CA stay; what names the one issuer is worth nothing at the other."""
    ports = dict(zip(("AUTH_PORT", "CRM_PORT", "ORDERS_PORT"), map(str, free_ports(3)), strict=True))
    data = tmp_path / "data"
    with running_stack(data, ports) as plain:
        registration = Registration(plain.auth, redirect_uri="myapp://callback")
        phone = Phone(registration, tmp_path / "old", StackClock(plain))
        old = tokens_of_fresh(phone)
        keys = httpx2.get(f"{plain.auth}/.well-known/jwks.json").json()
        phone.close()
    with running_stack(data, ports | TLS) as secure:
        authority = (data / "tls" / "ca.crt").read_bytes()
        phone, app = install(secure, tmp_path / "new")
        app.sign_in(ALICE)
        assert "Mad Hatter" in names(app.client.get(f"{secure.crm}/api/contacts"))
        phone.close()
        with httpx2.Client(transport=network(secure)) as http:
            assert http.get(f"{secure.auth}/.well-known/jwks.json").json() == keys
            bearer = {"Authorization": f"Bearer {old.access_token}"}
            assert http.get(f"{secure.crm}/api/contacts", headers=bearer).status_code == 401
            assert http.get(f"{secure.auth}/userinfo", headers=bearer).status_code == 401
            form = {"grant_type": "refresh_token", "client_id": "mobile-app", "refresh_token": old.refresh_token}
            moved = http.post(f"{secure.auth}/token", data=form).json()["access_token"]
            bearer = {"Authorization": f"Bearer {moved}"}
            assert "Mad Hatter" in names(http.get(f"{secure.crm}/api/contacts", headers=bearer))
    with running_stack(data, ports) as plain:
        phone = Phone(registration, tmp_path / "third", StackClock(plain))
        assert tokens_of_fresh(phone).access_token
        phone.close()
    with running_stack(data, ports | TLS):
        assert (data / "tls" / "ca.crt").read_bytes() == authority


def tokens_of_fresh(phone: Phone) -> Tokens:
    app = phone.install("app")
    app.sign_in(ALICE)
    return tokens_of(app)
