"""The config plan: what the provider says of itself is complete, canonical, https, and true."""

from typing import Any

import httpx2
import pytest

from shared.config_file import load_config
from tests.integration.auth.certification import Suite
from tests.integration.auth.seeds import HTTPS_ISSUER, ROOT

#: The names that RFC 8414, OpenID Connect Discovery, RP-Initiated and Back-Channel Logout, RFC 9126 and 9207 define.
KNOWN = {
    "issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint",
    "introspection_endpoint", "end_session_endpoint", "pushed_authorization_request_endpoint",
    "require_pushed_authorization_requests", "scopes_supported", "response_types_supported",
    "response_modes_supported", "grant_types_supported", "acr_values_supported", "subject_types_supported",
    "id_token_signing_alg_values_supported", "token_endpoint_auth_methods_supported",
    "token_endpoint_auth_signing_alg_values_supported", "revocation_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_signing_alg_values_supported", "display_values_supported", "claim_types_supported",
    "claims_supported", "claims_locales_supported", "ui_locales_supported", "claims_parameter_supported",
    "request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration",
    "request_object_signing_alg_values_supported", "code_challenge_methods_supported", "service_documentation",
    "authorization_response_iss_parameter_supported", "backchannel_logout_supported",
    "backchannel_logout_session_supported", "prompt_values_supported", "protected_resources",
    "userinfo_signing_alg_values_supported", "status_list_aggregation_endpoint",
    "device_authorization_endpoint",  # RFC 8628 s4
    "dpop_signing_alg_values_supported",
}  # fmt: skip


@pytest.fixture
def metadata(suite: Suite) -> dict[str, Any]:
    response = suite.provider.http.get("/.well-known/openid-configuration")
    assert response.status_code == 200 and response.headers["content-type"] == "application/json"
    document: dict[str, Any] = response.json()
    return document


@pytest.mark.requirement("DISCOVERY-3")
def test_the_issuer_is_the_prefix_of_where_it_is_found(metadata: dict[str, Any]) -> None:
    assert metadata["issuer"] == HTTPS_ISSUER


@pytest.mark.requirement("DISCOVERY-3")
def test_every_endpoint_is_https_and_answers(suite: Suite, metadata: dict[str, Any]) -> None:
    endpoints = {name: url for name, url in metadata.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert set(endpoints) >= {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"}
    for name, url in endpoints.items():
        assert url.startswith(f"{HTTPS_ISSUER}/"), name
        assert suite.provider.http.get(url).status_code != 404, name


@pytest.mark.requirement("DISCOVERY-3")
def test_what_must_be_said_is_said(metadata: dict[str, Any]) -> None:
    assert "openid" in metadata["scopes_supported"]
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["subject_types_supported"] == ["public"]
    assert "RS256" in metadata["id_token_signing_alg_values_supported"]
    assert "none" not in metadata["id_token_signing_alg_values_supported"]
    assert {"authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])
    assert {"client_secret_basic", "client_secret_post"} <= set(metadata["token_endpoint_auth_methods_supported"])
    assert metadata["request_parameter_supported"] is False
    assert metadata["request_uri_parameter_supported"] is False
    assert isinstance(metadata["claims_parameter_supported"], bool)
    assert {"sub", "iss", "aud", "exp", "iat", "name", "email"} <= set(metadata["claims_supported"])


def test_no_name_is_unknown_and_no_list_empty(metadata: dict[str, Any]) -> None:
    assert set(metadata) - KNOWN == set()
    assert [name for name, value in metadata.items() if value in ([], "", None)] == []
    assert [name for name, value in metadata.items() if isinstance(value, list) and len(set(value)) != len(value)] == []


def test_every_grant_that_is_named_is_known_at_the_token_endpoint(suite: Suite, metadata: dict[str, Any]) -> None:
    def error(grant: str) -> str:
        return str(suite.token({"grant_type": grant}).json()["error"])

    assert error("urn:example:none") == "unsupported_grant_type"
    assert [grant for grant in metadata["grant_types_supported"] if error(grant) == "unsupported_grant_type"] == []


@pytest.mark.requirement("RFC7517-4")
def test_the_key_set_holds_public_halves_with_unique_kids(suite: Suite, metadata: dict[str, Any]) -> None:
    response: httpx2.Response = suite.provider.http.get(metadata["jwks_uri"])
    keys = response.json()["keys"]
    assert keys and len({key["kid"] for key in keys}) == len(keys)
    for key in keys:
        assert key["kty"] == "RSA" and key["use"] == "sig" and key["alg"] == "RS256"
        assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)


def test_each_client_comes_to_either_address_of_the_suite() -> None:
    """The module refresh-token comes with the second client to the address without a query."""
    content = load_config(ROOT / "config" / "certification.yaml", {"CERTIFICATION_URL": "https://suite.example/a"})
    either = ["https://suite.example/a/callback", "https://suite.example/a/callback?dummy1=lorem&dummy2=ipsum"]
    assert {one["client_id"]: one["redirect_uris"] for one in content["clients"]} == {
        one["client_id"]: either for one in content["clients"]
    }
