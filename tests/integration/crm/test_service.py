"""What the CRM answers beside its contacts: health, metadata, its description."""

import pytest
from starlette.testclient import TestClient

from services.crm.app import create_app
from services.crm.settings import CrmSettings
from shared.testing import FakeIssuer


@pytest.mark.requirement("RFC9728-3")
def test_protected_resource_metadata_names_the_issuer(client: TestClient) -> None:
    """Spec: RFC 9728 s2: a client that knows only the API learns whom to ask for tokens."""
    document = client.get("/.well-known/oauth-protected-resource").json()
    assert document["resource"] == "http://localhost:9001"
    assert document["authorization_servers"] == ["http://localhost:9000"]
    assert document["bearer_methods_supported"] == ["header"]
    assert "crm:read" in document["scopes_supported"]


def test_the_description_names_operations_bodies_and_the_scheme(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    operations = [operation for path in description["paths"].values() for operation in path.values()]
    each = {
        f"{verb}{kind}"
        for kind in ("Contact", "Company", "Activity")
        for verb in ("create", "get", "update", "delete", "restore")
    }
    lists = {"listContacts", "listCompanies", "listActivities", "importContacts", "exportContacts"}
    each |= {f"reassign{kind}" for kind in ("Contact", "Company", "Activity")}
    lists |= {f"list{kind}History" for kind in ("Contact", "Company", "Activity")}
    assert {operation["operationId"] for operation in operations} == each | lists
    assert all(operation["security"][1] == {"access_token": []} for operation in operations)
    assert {scope for operation in operations for scope in operation["security"][0]["sign_in"]} >= {
        "crm:read",
        "crm:write",
    }
    assert description["components"]["securitySchemes"]["access_token"]["scheme"] == "bearer"
    assert "ContactIn" in description["components"]["schemas"]


def test_live_and_ready_and_measured(client: TestClient, issuer: FakeIssuer) -> None:
    assert client.get("/livez").status_code == 200
    client.get("/api/contacts", headers={"Authorization": f"Bearer {issuer.access_token()}"})
    assert client.get("/readyz").status_code == 200
    assert "bearer_requests_total" in client.get("/metrics").text


def test_not_ready_before_there_are_keys(settings: CrmSettings, issuer: FakeIssuer) -> None:
    issuer.outage = True
    with TestClient(create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())) as client:
        assert client.get("/livez").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503 and "keys" in answer.json()["reason"]


def test_the_issuers_death_stops_nobody(client: TestClient, issuer: FakeIssuer) -> None:
    good = {"Authorization": f"Bearer {issuer.access_token()}"}
    assert client.get("/api/contacts", headers=good).status_code == 200
    issuer.outage = True
    fresh = issuer.access_token()
    assert client.get("/api/contacts", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200
    forged = issuer.forged(fresh)
    assert client.get("/api/contacts", headers={"Authorization": f"Bearer {forged}"}).status_code == 401


def test_a_restart_while_the_issuer_is_away_uses_the_last_good_keys(settings: CrmSettings, issuer: FakeIssuer) -> None:
    token = {"Authorization": f"Bearer {issuer.access_token()}"}
    with TestClient(create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())) as client:
        assert client.get("/api/contacts", headers=token).status_code == 200
    issuer.outage = True
    with TestClient(create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())) as client:
        assert client.get("/api/contacts", headers=token).status_code == 200


def test_without_any_keys_the_answer_is_503_with_retry_after(settings: CrmSettings, issuer: FakeIssuer) -> None:
    issuer.outage = True
    with TestClient(create_app(settings, clock=issuer.clock, jwks_transport=issuer.transport())) as client:
        answer = client.get("/api/contacts", headers={"Authorization": f"Bearer {issuer.access_token()}"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_keys_and_status_are_fetched_over_a_real_socket(settings: CrmSettings, issuer: FakeIssuer) -> None:
    with issuer.serve() as url:
        told = settings.model_copy(update={"jwks_url": f"{url}/.well-known/jwks.json", "status_base_url": url})
        with TestClient(create_app(told, clock=issuer.clock)) as client:
            token = {"Authorization": f"Bearer {issuer.access_token()}"}
            assert client.get("/api/contacts", headers=token).status_code == 200
    assert (issuer.fetches, issuer.status_fetches) == (1, 1)
