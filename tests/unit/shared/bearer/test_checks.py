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
STATUSES, OTHER_STATUSES = f"{ISSUER}/status/0", "http://auth-internal:9000/status/0"
METADATA = f"{CRM}/.well-known/oauth-protected-resource"


def status_list(issuer: FakeIssuer) -> bytes:
    """Return what the issuer answers at /status/0."""
    return issuer.answer("/status/0").body


@pytest.fixture
def answers() -> dict[str, Any]:
    return {
        f"{ISSUER}/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": KEYS},
        f"{ISSUER}/livez": {},
        KEYS: FakeIssuer().jwks,
        STATUSES: status_list(FakeIssuer()),
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
            yield document if isinstance(document, bytes) else json.dumps(document).encode()

        return httpx2.Response(document if isinstance(document, int) else 200, content=body())

    settings = CrmSettings(**{"environment": "local", "database_url": url, **changes})
    return dict(examine(resource_server_checks("crm", settings, Web(httpx2.MockTransport(answer)))))


def failed(found: dict[str, Finding]) -> set[str]:
    return {name for name, finding in found.items() if finding.verdict is Verdict.FAIL}


def test_all_is_well(answers: dict[str, Any], url: str) -> None:
    assert failed(findings(answers, url)) == set()


def test_the_provider_is_away(answers: dict[str, Any], url: str) -> None:
    found = findings({METADATA: answers[METADATA]}, url)
    assert failed(found) == {"issuer", "signing keys", "same keys", "status lists", "clock"}
    assert all("start it" in found[name].remedy for name in failed(found))


@pytest.mark.parametrize("keys", [{"keys": []}, {}, {"keys": [{"kty": "EC"}]}, []])
def test_no_key_that_verifies(answers: dict[str, Any], url: str, keys: Any) -> None:
    assert failed(findings({**answers, KEYS: keys}, url)) == {"signing keys", "status lists"}


def test_keys_from_inside_are_the_ones_that_discovery_names(answers: dict[str, Any], url: str) -> None:
    assert failed(findings(answers, url, jwks_url=OTHER_KEYS)) == set()
    stranger = FakeIssuer()
    stranger.rotate()
    found = findings({**answers, OTHER_KEYS: stranger.jwks}, url, jwks_url=OTHER_KEYS)
    assert failed(found) == {"same keys", "status lists"}
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


# ---------------------------------------------------------------- status lists


def of_a_stranger() -> FakeIssuer:
    issuer = FakeIssuer()
    issuer.rotate()
    return issuer


def forged() -> FakeIssuer:
    """Signed by another key, under the kid of the good one."""
    issuer = FakeIssuer()
    issuer.statuses.key = of_a_stranger().private_key
    issuer.statuses.header = {"kid": issuer.kid}
    return issuer


def bent(header: dict[str, Any], claims: dict[str, Any]) -> FakeIssuer:
    issuer = FakeIssuer()
    issuer.statuses.header, issuer.statuses.claims = header, claims
    return issuer


@pytest.mark.parametrize(
    ("issuer", "says"),
    [
        (of_a_stranger(), "does not hold"),
        (forged(), "signature"),
        (bent({"typ": "JWT"}, {}), "typ"),
        (bent({"alg": "none"}, {}), "alg"),
        (bent({}, {"sub": "http://localhost:9000/status/1"}), "of another shard"),
        (bent({}, {"exp": 1_000_000_000}), "expired at 2001-09-09 01:46:40Z"),
        (bent({}, {"exp": "soon"}), "exp"),
        (bent({}, {"iat": 9_000_000_000, "exp": 9_000_000_060}), "issued in the future"),
        (bent({}, {"ttl": "often"}), "ttl is not a duration"),
        (bent({}, {"status_list": {"bits": 2, "lst": "eNo"}}), "not one bit a token"),
        (bent({}, {"urn:company:status_version": -1}), "no version"),
    ],
)
def test_a_status_list_that_the_api_would_not_take(
    answers: dict[str, Any], url: str, issuer: FakeIssuer, says: str
) -> None:
    found = findings({**answers, STATUSES: status_list(issuer)}, url)
    assert failed(found) == {"status lists"}
    assert says in found["status lists"].says
    assert found["status lists"].remedy


@pytest.mark.parametrize("answer", [b"<html>", b"\xff\xfe", b"", {"keys": []}])
def test_what_answers_is_no_status_list(answers: dict[str, Any], url: str, answer: Any) -> None:
    found = findings({**answers, STATUSES: answer}, url)
    assert failed(found) == {"status lists"}
    assert "CRM_STATUS_BASE_URL" in found["status lists"].remedy


@pytest.mark.parametrize("status", [302, 500, 503])
def test_the_status_list_cannot_be_had(answers: dict[str, Any], url: str, status: int) -> None:
    found = findings({**answers, STATUSES: status}, url)
    assert failed(found) == {"status lists"}
    assert f"answers {status}" in found["status lists"].says


def test_no_status_list_yet_is_a_warning(answers: dict[str, Any], url: str) -> None:
    found = findings({**answers, STATUSES: 404}, url)
    assert failed(found) == set()
    assert found["status lists"].verdict is Verdict.WARNING


def test_status_lists_from_inside(answers: dict[str, Any], url: str) -> None:
    inside = {"status_base_url": "http://auth-internal:9000"}
    assert failed(findings(answers, url, **inside)) == {"status lists"}
    assert failed(findings({**answers, OTHER_STATUSES: answers[STATUSES]}, url, **inside)) == set()
