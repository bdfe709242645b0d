"""The program of docs/bearer.md, run unchanged, against a FakeIssuer over a real socket."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from shared.testing import ALICE, FakeIssuer, SettableClock

DOCUMENT = Path(__file__).parents[2] / "docs" / "bearer.md"
NOTES = "https://notes.example"


def program() -> str:
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@dataclass(frozen=True)
class Example:
    """The program, running, and the issuer that it trusts."""

    issuer: FakeIssuer
    clock: SettableClock
    client: TestClient

    def get(self, token: str | None) -> httpx2.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.get("/notes", headers=headers)

    def status(self, token: str | None) -> int:
        return self.get(token).status_code

    def good(self) -> str:
        return self.issuer.access_token(scope="notes:read")


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, clock: SettableClock) -> Iterator[tuple[FakeIssuer, Any]]:
    issuer = FakeIssuer("https://sso.example", audience=[NOTES], clock=clock)
    with issuer.serve() as url:
        monkeypatch.setenv("BEARER_ISSUER", issuer.url)
        monkeypatch.setenv("BEARER_AUDIENCE", NOTES)
        monkeypatch.setenv("BEARER_JWKS_URL", f"{url}/.well-known/jwks.json")
        monkeypatch.setenv("BEARER_STATUS_BASE_URL", url)
        monkeypatch.setattr("shared.clock.Clock.now", lambda _: clock.now())
        names: dict[str, Any] = {}
        exec(compile(program(), DOCUMENT.name, "exec"), names)  # noqa: S102 - the document is ours
        yield issuer, names["app"]


@pytest.fixture
def example(app: tuple[FakeIssuer, Any], clock: SettableClock) -> Iterator[Example]:
    issuer, application = app
    with TestClient(application, raise_server_exceptions=False) as client:
        yield Example(issuer, clock, client)


def test_the_example_serves_good_tokens_and_refuses_others(example: Example) -> None:
    good = example.good()
    assert example.get(good).json() == [f"a note of {ALICE}"]
    issuer = example.issuer
    assert example.status(None) == example.status(issuer.forged(good)) == example.status(issuer.access_token(aud="x"))
    assert example.status(None) == 401
    assert example.status(issuer.access_token(scope="notes:reader")) == 403
    metadata = example.client.get("/.well-known/oauth-protected-resource").json()
    assert metadata["authorization_servers"] == [issuer.url]


def test_the_example_refuses_a_revoked_sign_in(example: Example) -> None:
    token = example.good()
    assert example.status(token) == 200
    example.issuer.revoke(token)
    example.clock.advance(seconds=17)
    assert (example.status(token), example.status(example.good())) == (401, 200)


def test_the_example_follows_a_rotation_and_an_emergency(example: Example) -> None:
    before = example.good()
    assert example.status(before) == 200
    example.issuer.rotate(keep_old=True)
    assert example.status(example.good()) == example.status(before) == 200
    example.issuer.rotate()
    example.clock.advance(seconds=31)
    assert (example.status(example.good()), example.status(before)) == (200, 401)


def test_the_example_goes_on_through_an_outage_and_says_503_when_it_cannot(example: Example) -> None:
    revoked = example.good()
    assert example.status(revoked) == 200
    example.issuer.revoke(revoked)
    example.clock.advance(seconds=17)
    assert example.status(revoked) == 401
    example.issuer.outage = True
    for _ in range(14):
        example.clock.advance(minutes=1)
        assert (example.status(example.good()), example.status(revoked)) == (200, 401)
    example.clock.advance(minutes=3)
    unavailable(example.get(example.good()))
    example.issuer.outage = False
    example.clock.advance(seconds=6)
    assert example.status(example.good()) == 200


def test_the_example_started_in_an_outage_says_503(app: tuple[FakeIssuer, Any], clock: SettableClock) -> None:
    issuer, application = app
    issuer.outage = True
    with TestClient(application, raise_server_exceptions=False) as client:
        example = Example(issuer, clock, client)
        unavailable(example.get(example.good()))
        assert example.status(None) == 401
        issuer.outage = False
        clock.advance(seconds=6)
        assert example.status(example.good()) == 200


def test_the_example_may_be_started_again(app: tuple[FakeIssuer, Any], clock: SettableClock) -> None:
    issuer, application = app
    for _ in range(2):
        with TestClient(application, raise_server_exceptions=False) as client:
            example = Example(issuer, clock, client)
            token = example.good()
            assert example.status(token) == 200
            issuer.revoke(token)
            clock.advance(seconds=17)
            assert example.status(token) == 401


def unavailable(answer: httpx2.Response) -> None:
    """Assert what docs/bearer.md promises while the issuer cannot be asked and nothing recent is known."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["code"] == "issuer_unavailable"


def test_the_example_is_short() -> None:
    statements = [line for line in program().splitlines() if line.strip()]
    assert len(statements) <= 15


def test_it_does_not_start_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_ISSUER", "http://sso.example")
    monkeypatch.setenv("BEARER_AUDIENCE", NOTES)
    with pytest.raises(ValueError, match="BEARER_ISSUER: must be an https URL"):
        exec(compile(program(), DOCUMENT.name, "exec"), {})  # noqa: S102
