"""The OpenAPI documents are worth generating clients from: one is generated, imported, and used over a real socket."""

import importlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from shared.asgi import Edge
from tests.support.apis import ALICES, SERVICES, UNKNOWN, Api, running_api
from tests.support.ports import free_ports

#: What is used of each client: a module of its tag, and the functions by their operation ids.
USED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "crm": ("contacts", "contact", {"name": "Mad Hatter", "email": "hatter@tea.example"}),
    "orders": (
        "orders",
        "order",
        {
            "customer_id": UNKNOWN,
            "currency": "EUR",
            "lines": [{"description": "Teapot", "quantity": 1, "unit_price_minor": 2450}],
        },
    ),
}


@pytest.fixture(params=SERVICES)
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    with running_api(request.param, tmp_path) as running:
        yield running


@contextmanager
def served(api: Api) -> Iterator[str]:
    """Serve the API, on the same database, on a port of its own."""
    (port,) = free_ports(1)
    server = uvicorn.Server(uvicorn.Config(Edge(api.another()), host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def generated(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The client's package, fresh from the generator; a warning of its is an error."""
    document, config, package = tmp_path / "openapi.json", tmp_path / "config.yml", f"{api.name}_client"
    document.write_text(api.client.get("/openapi.json").text, encoding="utf-8")
    # the generator knows no text/csv: a file is bytes to it
    overrides = {"text/csv": "application/octet-stream"}
    config.write_text(json.dumps({"post_hooks": [], "content_type_overrides": overrides}), encoding="utf-8")
    command = [str(Path(sys.executable).with_name("openapi-python-client")), "generate", "--meta", "none"]
    files = ["--path", str(document), "--config", str(config), "--output-path", str(tmp_path / package)]
    done = subprocess.run([*command, *files, "--fail-on-warning"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    return importlib.import_module(package)


def test_a_generated_client_creates_lists_and_reads(api: Api, generated: ModuleType) -> None:
    tag, one, body = USED[api.name]
    package = generated.__name__
    models = importlib.import_module(f"{package}.models")

    def operation(name: str) -> Any:
        return importlib.import_module(f"{package}.api.{tag}.{name}")

    bearer = api.headers(ALICES)["Authorization"].removeprefix("Bearer ")
    with served(api) as url:
        client = generated.AuthenticatedClient(base_url=url, token=bearer, raise_on_unexpected_status=True)
        sent = getattr(models, f"{one.title()}In").from_dict(body)
        made = operation(f"create_{one}").sync(client=client, body=sent)
        listed = operation(f"list_{tag}").sync(client=client, limit=10)
        read = operation(f"get_{one}").sync(made.id, client=client)
        refused = operation(f"get_{one}").sync_detailed(type(made.id)(UNKNOWN), client=client)
        client.get_httpx_client().close()
    assert isinstance(made, getattr(models, f"{one.title()}Out"))
    assert body.items() <= made.to_dict().items()
    assert [item.to_dict() for item in listed.items] == [made.to_dict()] == [read.to_dict()]
    assert refused.status_code == 404 and isinstance(refused.parsed, models.Problem)


def test_every_operation_is_described(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    operations = [(path, method, o) for path, ways in document["paths"].items() for method, o in ways.items()]
    assert len({operation["operationId"] for _, _, operation in operations}) == len(operations)
    for path, method, operation in operations:
        where = f"{method} {path}"
        assert operation["summary"] and operation["description"] and operation["tags"], where
        assert operation["security"], where
        responses = operation["responses"]
        assert {"401", "403", "503"} <= set(responses), where
        assert ("404" in responses) == ("{" in path), where
        assert ("412" in responses) == any(p["name"] == "If-Match" for p in operation.get("parameters", [])), where
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= set(responses), where
        for status, response in responses.items():
            assert response["description"], f"{where} {status}"
            if int(status) >= 400:
                content = response["content"]["application/problem+json"]
                assert content["schema"]["$ref"] == "#/components/schemas/Problem", where
        one_record = method in {"get", "patch"} and path.endswith("_id}") and api.name == "crm"
        assert not one_record or "ETag" in responses["200"]["headers"], where
    assert "HTTPValidationError" not in schemas
    assert schemas["Problem"]["required"] == ["type", "title", "status", "detail", "code"]


def test_the_errors_are_as_described(api: Api) -> None:
    document = api.client.get("/openapi.json").json()
    known = set(document["components"]["schemas"]["Problem"]["properties"])
    path = next(iter(api.lists))
    for answer in (
        api.client.get(path),
        api.call(ALICES, "GET", f"{path}?limit=0"),
        api.call(ALICES, "GET", f"{path}/{UNKNOWN}"),
        api.call(ALICES, "POST", path, {}),
    ):
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "instance"} <= set(answer.json()) <= known
