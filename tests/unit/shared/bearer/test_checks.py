"""What doctor says of a resource server whose issuer, keys or name are wrong."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.crm.settings import CrmSettings
from shared.bearer.checks import resource_server_checks
from shared.doctor import Finding, Web
from shared.doctor.report import Verdict, examine
from shared.testing import FakeIssuer
from tests.support.databases import migrated

ISSUER, CRM = "http://localhost:9000", "http://localhost:9001"
KEYS, OTHER_KEYS = f"{ISSUER}/.well-known/jwks.json", "http://auth-internal:9000/.well-known/jwks.json"
METADATA = f"{CRM}/.well-known/oauth-protected-resource"


@pytest.fixture
def answers() -> dict[str, Any]:
    return {
        f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": KEYS},
        f"{ISSUER}/livez": {},
        KEYS: FakeIssuer().jwks,
        OTHER_KEYS: FakeIssuer().jwks,
        METADATA: {"resource": CRM, "authorization_servers": [ISSUER]},
    }


@pytest.fixture
def url(tmp_path: Path) -> str:
    migrated("crm", f"sqlite:///{tmp_path / 'crm.sqlite3'}").dispose()
    return f"sqlite:///{tmp_path / 'crm.sqlite3'}"


def findings(answers: dict[str, Any], url: str, **changes: Any) -> dict[str, Finding]:
    def answer(request: httpx2.Request) -> httpx2.Response:
        document = answers.get(str(request.url))
        if document is None:
            raise httpx2.ConnectError("refused", request=request)

        def body() -> Iterator[bytes]:
            yield json.dumps(document).encode()

        return httpx2.Response(200, content=body())

    settings = CrmSettings(**{"environment": "local", "database_url": url, **changes})
    return dict(examine(resource_server_checks("crm", settings, Web(httpx2.MockTransport(answer)))))


def failed(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.verdict is Verdict.FAIL}


def test_all_is_well(answers: dict[str, Any], url: str) -> None:
    assert failed(findings(answers, url)) == set()


def test_the_provider_is_away(answers: dict[str, Any], url: str) -> None:
    found = findings({METADATA: answers[METADATA]}, url)
    assert failed(found) == {"issuer", "signing keys", "same keys", "clock"}
    assert all("start it" in found[name].remedy for name in failed(found))


@pytest.mark.parametrize("keys", [{"keys": []}, {}, {"keys": [{"kty": "EC"}]}, []])
def test_no_key_that_verifies(answers: dict[str, Any], url: str, keys: Any) -> None:
    assert failed(findings({**answers, KEYS: keys}, url)) == {"signing keys"}


def test_keys_from_inside_are_the_ones_that_discovery_names(answers: dict[str, Any], url: str) -> None:
    assert failed(findings(answers, url, jwks_url=OTHER_KEYS)) == set()
    stranger = FakeIssuer()
    stranger.rotate()
    found = findings({**answers, OTHER_KEYS: stranger.jwks}, url, jwks_url=OTHER_KEYS)
    assert failed(found) == {"same keys"}
    assert "CRM_JWKS_URL" in found["same keys"].remedy


@pytest.mark.parametrize("named", [None, 7, "file:///etc/passwd", "gopher://inside"])
def test_discovery_names_no_address_of_keys(answers: dict[str, Any], url: str, named: Any) -> None:
    answers[f"{ISSUER}/.well-known/openid-configuration"]["jwks_uri"] = named
    assert "same keys" in failed(findings(answers, url, jwks_url=OTHER_KEYS))


@pytest.mark.parametrize(
    "document",
    [
        {"resource": "http://127.0.0.1:9001", "authorization_servers": [ISSUER]},
        {"resource": CRM, "authorization_servers": ["http://elsewhere"]},
        {"resource": CRM, "authorization_servers": ISSUER},
        {},
    ],
)
def test_the_api_calls_itself_otherwise(answers: dict[str, Any], url: str, document: Any) -> None:
    assert failed(findings({**answers, METADATA: document}, url)) == {"audience"}


def test_a_long_lifetime_is_a_warning(answers: dict[str, Any], url: str) -> None:
    found = findings(answers, url, max_token_lifetime=timedelta(hours=1))
    assert failed(found) == set()
    assert found["token lifetime"].verdict is Verdict.WARNING
