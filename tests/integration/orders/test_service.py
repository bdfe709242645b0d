"""What Orders answers beside its orders."""

from starlette.testclient import TestClient

from shared.testing import FakeIssuer


def test_protected_resource_metadata_names_the_issuer(client: TestClient) -> None:
    document = client.get("/.well-known/oauth-protected-resource").json()
    assert document["resource"] == "http://localhost:9002"
    assert document["authorization_servers"] == ["http://localhost:9000"]


def test_the_description_names_operations(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"].values()
    operations = [operation for path in paths for operation in path.values()]
    assert all(operation["security"][1] == {"access_token": []} for operation in operations)
    assert {operation["operationId"] for operation in operations} == {
        *("listOrders", "createOrder", "getOrder", "updateOrder", "listOrderHistory"),
        *("placeOrder", "payOrder", "shipOrder", "deliverOrder", "cancelOrder", "refundOrder", "reassignOrder"),
    }


def test_live_and_ready(client: TestClient, issuer: FakeIssuer) -> None:
    assert client.get("/livez").status_code == 200
    client.get("/api/orders", headers={"Authorization": f"Bearer {issuer.access_token()}"})
    assert client.get("/readyz").status_code == 200
