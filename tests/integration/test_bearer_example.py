"""The program of docs/bearer.md, run as it stands there, against a FakeIssuer over a real socket."""

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from shared.testing import ALICE, FakeIssuer

DOCUMENT = Path(__file__).parents[2] / "docs" / "bearer.md"
NOTES = "https://notes.example"


def program() -> str:
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_example_serves_good_tokens_and_refuses_others(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = FakeIssuer("https://sso.example", audience=[NOTES])
    with issuer.serve() as url:
        monkeypatch.setenv("BEARER_ISSUER", issuer.url)
        monkeypatch.setenv("BEARER_AUDIENCE", NOTES)
        monkeypatch.setenv("BEARER_JWKS_URL", f"{url}/.well-known/jwks.json")
        monkeypatch.setenv("BEARER_STATUS_BASE_URL", url)
        names: dict[str, Any] = {}
        exec(compile(program(), DOCUMENT.name, "exec"), names)  # noqa: S102 - the document is ours
        with TestClient(names["app"]) as client:

            def status(token: str | None) -> int:
                headers = {} if token is None else {"Authorization": f"Bearer {token}"}
                return client.get("/notes", headers=headers).status_code

            good = issuer.access_token(scope="notes:read")
            answer = client.get("/notes", headers={"Authorization": f"Bearer {good}"})
            assert answer.json() == [f"a note of {ALICE}"]
            assert status(None) == status(issuer.forged(good)) == status(issuer.access_token(aud="x")) == 401
            assert status(issuer.access_token(scope="notes:reader")) == 403
            assert client.get("/.well-known/oauth-protected-resource").json()["authorization_servers"] == [issuer.url]


def test_the_example_is_short() -> None:
    statements = [line for line in program().splitlines() if line.strip()]
    assert len(statements) <= 15


def test_it_does_not_start_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEARER_ISSUER", "http://sso.example")
    monkeypatch.setenv("BEARER_AUDIENCE", NOTES)
    with pytest.raises(ValueError, match="BEARER_ISSUER: must be an https URL"):
        exec(compile(program(), DOCUMENT.name, "exec"), {})  # noqa: S102
