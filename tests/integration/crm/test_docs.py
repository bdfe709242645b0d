"""/docs: Swagger UI from local files, under a policy that allows no script in a page; and the security schemes.

Spec: OpenAPI 3.1 (Security Scheme Object), Content Security Policy Level 3 s6.1
"""

import re

import pytest
from starlette.testclient import TestClient

from services.crm.app import create_app
from services.crm.settings import CrmSettings
from shared.testing import FakeIssuer

FILES = ["swagger-ui.css", "swagger-ui-bundle.js", "start.js", "return.js"]


@pytest.mark.parametrize("path", ["/docs", "/docs/oauth2-redirect"])
def test_a_page_loads_nothing_from_elsewhere_and_holds_no_script(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert loaded and all(address.startswith(("/docs/", "data:")) for address in loaded)
    assert all(not inside.strip() for inside in re.findall(r"<script[^>]*>(.*?)</script>", answer.text, re.DOTALL))
    assert " on" not in "".join(re.findall(r"<[^>]+>", answer.text))
    directives = dict(
        directive.strip().split(" ", 1) for directive in answer.headers["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == "'none'" and directives["script-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["form-action"] == "'none'"


def test_the_page_calls_this_api_and_its_issuer_alone(client: TestClient) -> None:
    policy = client.get("/docs").headers["Content-Security-Policy"]
    assert "connect-src 'self' http://localhost:9000;" in policy


def test_every_file_is_this_apis_own(client: TestClient) -> None:
    for name in FILES:
        answer = client.get(f"/docs/{name}")
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Type"].partition(";")[0] in {
            "text/css",
            "text/javascript",
            "application/javascript",
        }


@pytest.mark.parametrize("path", ["redoc.standalone.js", "..%2f__init__.py", "%2e%2e/settings.py", "favicon.png", ""])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(f"/docs/{path}").status_code == 404


def test_redoc_is_not_there(client: TestClient) -> None:
    assert client.get("/redoc").status_code == 404


def test_production_serves_no_pages_unless_told_to(settings: CrmSettings, issuer: FakeIssuer) -> None:
    assert settings.docs
    told = settings.model_copy(update={"docs": False})
    with TestClient(create_app(told, clock=issuer.clock, jwks_transport=issuer.transport())) as client:
        assert {client.get(f"/docs{end}").status_code for end in ("", "/oauth2-redirect", "/start.js")} == {404}
    assert not CrmSettings(environment="production").docs


def test_the_schemes_tell_how_to_sign_in_and_each_operation_what_for(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    scheme = document["components"]["securitySchemes"]["sign_in"]["flows"]["authorizationCode"]
    assert scheme["authorizationUrl"] == "http://localhost:9000/authorize"
    assert scheme["tokenUrl"] == "http://localhost:9000/token"
    assert set(scheme["scopes"]) == {"crm:read", "crm:write"}  # "select all" selects what a person can get
    assert list(document["components"]["securitySchemes"]) == ["sign_in", "access_token"]
    demands = document["paths"]["/api/contacts"]
    assert demands["get"]["security"] == [{"sign_in": ["crm:read"]}, {"access_token": []}]
    assert demands["post"]["security"] == [{"sign_in": ["crm:write"]}, {"access_token": []}]


def test_a_person_is_not_asked_to_sign_in_for_what_machines_alone_get(client: TestClient) -> None:
    [asked] = re.findall(r'data-scopes="([^"]*)"', client.get("/docs").text)
    assert "crm:read" in asked.split() and not any(scope.endswith(":all") for scope in asked.split())
