"""Discovery and JWKS: public, cacheable, and true (OpenID Connect Discovery s3, RFC 8414, RFC 7517)."""

import jwt
import pytest

from tests.integration.auth.provider import Provider
from tests.integration.auth.seeds import HTTP_ISSUER, HTTPS_ISSUER

ADDRESSES = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]


@pytest.mark.parametrize("address", [*ADDRESSES, "/.well-known/jwks.json"])
def test_a_public_document_is_cacheable_and_answers_304(refusing: Provider, address: str) -> None:
    first = refusing.http.get(address)
    assert first.status_code == 200 and first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "public, max-age=300"
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = refusing.http.get(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert refusing.http.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    assert refusing.http.post(address).status_code == 405


def test_the_jwks_holds_public_members_alone(refusing: Provider) -> None:
    keys = refusing.http.get("/.well-known/jwks.json").json()["keys"]
    assert [set(key) for key in keys] == [{"kty", "n", "e", "kid", "use", "alg"}]
    assert (keys[0]["kty"], keys[0]["use"], keys[0]["alg"]) == ("RSA", "sig", "RS256")


def test_the_key_outlives_a_restart(provider: Provider) -> None:
    tokens = provider.sign_in()
    restarted = provider.restarted()
    assert restarted.http.get("/.well-known/jwks.json").json() == provider.http.get("/.well-known/jwks.json").json()
    kid = jwt.get_unverified_header(tokens["access_token"])["kid"]
    assert kid in restarted.http.get("/.well-known/jwks.json").text
    assert restarted.refresh(tokens["refresh_token"]).status_code == 200


def test_both_addresses_say_the_same_and_every_endpoint_is_there(refusing: Provider) -> None:
    metadata, again = (refusing.http.get(address).json() for address in ADDRESSES)
    assert metadata == again
    assert metadata["issuer"] == HTTP_ISSUER
    endpoints = {name: url for name, url in metadata.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert len(endpoints) == 5
    for url in endpoints.values():
        assert url.startswith(HTTP_ISSUER + "/")
        assert refusing.http.get(url.removeprefix(HTTP_ISSUER)).status_code != 404, url


def test_what_is_required_is_said(refusing: Provider) -> None:
    metadata = refusing.http.get(ADDRESSES[0]).json()
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["subject_types_supported"] == ["public"]
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert not any(metadata[f"{name}_supported"] for name in ("claims_parameter", "request_parameter"))
    assert metadata["request_uri_parameter_supported"] is False, "left out it would mean true"


def test_what_is_said_is_true(provider: Provider) -> None:
    metadata = provider.http.get(ADDRESSES[0]).json()
    working = {"authorization_code", "refresh_token", "client_credentials"}
    assert working | {"urn:ietf:params:oauth:grant-type:token-exchange"} == set(metadata["grant_types_supported"])
    for grant_type in metadata["grant_types_supported"]:
        answer = provider.post("/token", {"grant_type": grant_type, "client_id": "mobile-app"})
        assert answer.json()["error"] != "unsupported_grant_type"
    for grant_type in ("password", "urn:ietf:params:oauth:grant-type:device_code"):
        assert grant_type not in metadata["grant_types_supported"]
        answer = provider.post("/token", {"grant_type": grant_type, "client_id": "mobile-app"})
        assert answer.json()["error"] == "unsupported_grant_type"
    asked = " ".join({"openid", "profile", "email", "offline_access", "crm:read"} & set(metadata["scopes_supported"]))
    told = provider.userinfo(provider.sign_in(scope=asked)["access_token"]).json()
    assert set(told) <= set(metadata["claims_supported"])


def test_the_issuer_is_the_settings_and_not_the_host_headers(https_provider: Provider) -> None:
    for headers in ({}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}):
        metadata = https_provider.http.get(ADDRESSES[0], headers=headers)
        assert metadata.json()["issuer"] == HTTPS_ISSUER and "evil" not in metadata.text
