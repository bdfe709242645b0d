"""Spec: RFC 9728 s2, s3.1."""

from typing import Annotated
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter, Depends, FastAPI
from starlette.testclient import TestClient

from shared.bearer import AccessTokenVerifier, Principal, ProtectedApi, ProtectedRoute, install_bearer, require_scope
from shared.bearer.web.metadata import metadata_url


@pytest.mark.requirement("RFC9728-3")
@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("http://localhost:9001", "http://localhost:9001/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/crm", "https://api.example/.well-known/oauth-protected-resource/crm"),
    ],
)
def test_the_well_known_path_goes_between_host_and_path(resource: str, url: str) -> None:
    assert metadata_url(resource) == url


@pytest.mark.parametrize("identifier", ["https://api.example", "https://api.example/crm", "https://api.example/a/b"])
def test_the_metadata_is_where_the_challenge_says(identifier: str, verifier: AccessTokenVerifier) -> None:
    scopes = ("x:read", "x:write", "x:read:all")
    api = ProtectedApi("x", identifier, "https://issuer.example", scopes, verifier, ("x:read:all",))
    app, router = FastAPI(), APIRouter(route_class=ProtectedRoute)
    install_bearer(app, api)

    @router.get("/x")
    async def x(caller: Annotated[Principal, Depends(require_scope("x:read", "x:read:all"))]) -> str:
        return caller.subject

    app.include_router(router)
    with TestClient(app, base_url="https://api.example") as client:
        challenge = client.get("/x").headers["WWW-Authenticate"]
        named = challenge.partition('resource_metadata="')[2].partition('"')[0]
        assert named == metadata_url(identifier)
        document = client.get(urlsplit(named).path).json()
        assert document["resource"] == identifier
        # programs ask for all that is listed: what no person can be granted would make every sign-in fail
        assert document["scopes_supported"] == ["x:read", "x:write"]
        flows = client.get("/openapi.json").json()["components"]["securitySchemes"]["sign_in"]["flows"]
        assert list(flows["authorizationCode"]["scopes"]) == ["x:read", "x:write"]
        assert 'scope="x:read"' in challenge
