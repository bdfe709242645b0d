"""What survives: a second up, a down without -v, another port."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from mobile.authorization import Registration
from mobile.simulator import ALICE, App, DeepLink, Person, Phone
from shared.clock import Clock
from tests.support.compose import DOMAIN, SERVICES, ComposeStack
from tests.support.ports import free_ports

ONE_SHOTS = ("init", "databases", "auth-apply", "crm-apply", "orders-apply")


def keys(compose: ComposeStack, http: httpx2.Client) -> object:
    return http.get(f"{compose.url('auth')}/.well-known/jwks.json").json()


def secrets_of(compose: ComposeStack) -> dict[str, str]:
    """Return a digest of every file of every service's secrets, and of the proxy's."""
    found = {}
    for service in (*SERVICES, "caddy", "postgres", "valkey"):
        done = compose.inside(service, "sh", "-c", "cd /secrets && find . -type f -exec sha256sum {} +")
        found[service] = "\n".join(sorted(done.stdout.splitlines()))
    return found


def test_a_second_up_changes_nothing(compose: ComposeStack, http: httpx2.Client) -> None:
    before = {name: (found["Id"], found["State"]["StartedAt"]) for name, found in compose.inspect().items()}
    secrets, published = secrets_of(compose), keys(compose, http)
    compose.compose("up", "--detach", "--wait")
    after = {name: (found["Id"], found["State"]["StartedAt"]) for name, found in compose.inspect().items()}
    assert after == before
    assert (secrets_of(compose), keys(compose, http)) == (secrets, published)
    for service in ONE_SHOTS:
        said = compose.docker("logs", compose.container(service))  # errors of earlier runs went to the other stream
        assert said.splitlines()[-1] == "nothing to do", service


def test_down_and_up_again_keeps_data_sessions_and_keys(
    compose: ComposeStack, http: httpx2.Client, signed_in: Callable[[Person], App]
) -> None:
    app = signed_in(ALICE)
    made = app.client.get(f"{compose.url('crm')}/api/contacts").json()["items"]
    tokens = app.client.tokens()
    assert tokens is not None
    secrets, published, authority = secrets_of(compose), keys(compose, http), compose.authority.read_bytes()

    assert compose.make("down").returncode == 0
    assert compose.compose("ps", "--all", "--quiet") == ""
    done = compose.make("up")
    assert done.returncode == 0, done.stderr
    for line in (*(compose.url(service) for service in SERVICES), "wonderland-tea-party", str(compose.authority)):
        assert line in done.stdout

    assert compose.authority.read_bytes() == authority
    assert secrets_of(compose) == secrets
    assert keys(compose, http) == published
    # the token of before, its renewal, the record, and the browser's session
    headers = {"Authorization": f"Bearer {tokens.access_token}"}
    assert http.get(f"{compose.url('crm')}/api/contacts", headers=headers).json()["items"] == made
    app.client.refresh()
    app.browser.visited.clear()
    page = app.browser.open(app.client.begin_sign_in())
    assert app.browser.visited == ["/continue"]
    assert not isinstance(page, DeepLink)


def test_another_port(compose: ComposeStack, tmp_path: Path) -> None:
    (compose.port,) = free_ports(1)  # and there it stays: no test of this folder knows a port by heart
    compose.compose("up", "--detach", "--wait")
    with compose.http() as http:
        metadata = http.get(f"{compose.url('auth')}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == f"https://auth.{DOMAIN}:{compose.port}"
    assert {urlsplit(url).port for name, url in metadata.items() if name.endswith("_endpoint")} == {compose.port}

    registration = Registration(compose.url("auth"), redirect_uri="myapp://callback")
    phone = Phone(registration, tmp_path, Clock(), compose.transport())
    app = phone.install("app", compose.transport())
    assert app.sign_in(ALICE).claims["iss"] == metadata["issuer"]
    assert app.client.get(f"{compose.url('crm')}/api/contacts").json()["items"]
    assert app.client.get(f"{compose.url('orders')}/api/orders").json()["items"]
    phone.close()
