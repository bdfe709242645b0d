"""What the proxy promises: one port, strict transport, nothing of the inside, and no word of the client's passed on."""

import json

import httpx2
import pytest

from tests.support.compose import DOMAIN, SERVICES, ComposeStack

#: What a client may send to be taken for another, and what must not reach a service.
FORGED = {
    "Forwarded": "for=203.0.113.9;proto=http;host=evil.example",
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/evil",
    "X-Original-URL": "/metrics",
    "X-Rewrite-URL": "/metrics",
    "X-Real-IP": "203.0.113.9",
    "X-Client-IP": "203.0.113.9",
    "True-Client-IP": "203.0.113.9",
}

ECHO = """
import http.server, json
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(self.headers.items()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("", 9001), Echo).serve_forever()
"""


@pytest.mark.parametrize("service", SERVICES)
def test_strict_transport_and_no_measurements(compose: ComposeStack, http: httpx2.Client, service: str) -> None:
    answer = http.get(f"{compose.url(service)}/livez")
    assert answer.status_code == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Server" not in answer.headers
    for path in ("/metrics", "/metrics/", "/METRICS", "/%6detrics", "/./metrics", "//metrics"):
        assert http.get(f"{compose.url(service)}{path}").status_code == 404, path


@pytest.mark.requirement("RFC9700-4.13")
def test_what_a_client_says_of_itself_is_replaced(compose: ComposeStack, http: httpx2.Client) -> None:
    compose.compose("stop", "crm")
    try:
        command = ("run", "--detach", "--rm", "--no-deps", "--use-aliases", "--name", f"{compose.project}-echo")
        compose.compose(*command, "crm", "python", "-c", ECHO)
        said: list[tuple[str, str]] = []
        answer = http.get(f"{compose.url('crm')}/", headers=FORGED)
        said = [(name.lower(), value) for name, value in json.loads(answer.text)]
    finally:
        compose.docker("rm", "--force", f"{compose.project}-echo")
        compose.compose("start", "crm")
        compose.wait_until_healthy()
    got = dict(said)
    assert len(got) == len(said)
    assert got["x-forwarded-proto"] == "https"
    assert got["x-forwarded-host"] == f"crm.{DOMAIN}:{compose.port}"
    assert "203.0.113.9" not in got["x-forwarded-for"] and "," not in got["x-forwarded-for"]
    assert got["host"] == f"crm.{DOMAIN}:{compose.port}"
    names = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
    assert {name for name in got if name.startswith("x-") or "forward" in name or name.endswith("-ip")} <= names


def test_another_name_is_answered_by_nobody(compose: ComposeStack, http: httpx2.Client) -> None:
    with pytest.raises(httpx2.ConnectError):  # the certificate is for the three names
        http.get(f"https://other.{DOMAIN}:{compose.port}/livez")
    answer = http.get(f"{compose.url('auth')}/livez", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.content) == (421, b"")


def test_plain_http_is_refused(compose: ComposeStack) -> None:
    answer = httpx2.get(f"http://127.0.0.1:{compose.port}/livez", trust_env=False)
    assert answer.status_code == 400


def test_both_replicas_of_auth_are_used(compose: ComposeStack, http: httpx2.Client) -> None:
    path = "/.well-known/oauth-authorization-server"
    for _ in range(40):
        assert http.get(f"{compose.url('auth')}{path}").status_code == 200
    for number in (1, 2):
        assert path in compose.log("auth", number), f"auth-{number}"
