"""Discovery and JWKS: public, cacheable, and true (OpenID Connect Discovery s3, RFC 8414, RFC 7517)."""

import base64
import re
from typing import Any, get_args
from urllib.parse import quote

import jwt
import pytest

from services.auth.app import ENDPOINTS
from services.auth.clients.registration import GrantType
from services.auth.endpoints.web.metadata import advertised
from tests.integration.auth.provider import Provider, answer_of, claims_of
from tests.integration.auth.seeds import APP_LINK, HTTP_ISSUER, HTTPS_ISSUER, PORTAL_SECRET
from tests.integration.auth.test_client_authentication import assertion

#: Members that name an address, each with its path.
ADDRESSED = advertised(ENDPOINTS)
ADDRESSES = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
#: Every grant that a client can be registered for.
REGISTRABLE_GRANTS = get_args(GrantType)
#: IANA's OAuth Authorization Server Metadata, as far as it could concern us.
KNOWN_MEMBERS = {
    *("issuer", "jwks_uri", *ADDRESSED, "registration_endpoint", "check_session_iframe"),
    *(f"{name}_supported" for name in ("scopes", "response_types", "response_modes", "grant_types", "subject_types")),
    *(f"{name}_values_supported" for name in ("acr", "prompt", "display", "id_token_signing_alg")),
    *(f"{name}_values_supported" for name in ("userinfo_signing_alg", "request_object_signing_alg")),
    *(f"{name}_endpoint_auth_methods_supported" for name in ("token", "revocation", "introspection")),
    *(f"{name}_endpoint_auth_signing_alg_values_supported" for name in ("token", "revocation", "introspection")),
    *("code_challenge_methods_supported", "claim_types_supported", "claims_supported", "claims_parameter_supported"),
    *("request_parameter_supported", "request_uri_parameter_supported", "require_request_uri_registration"),
    *("ui_locales_supported", "claims_locales_supported", "service_documentation", "op_policy_uri", "op_tos_uri"),
    *("authorization_response_iss_parameter_supported", "require_pushed_authorization_requests"),
    *("backchannel_logout_supported", "backchannel_logout_session_supported", "protected_resources"),
    *("dpop_signing_alg_values_supported", "introspection_signing_alg_values_supported"),
}


def metadata_of(provider: Provider) -> dict[str, Any]:
    metadata: dict[str, Any] = provider.http.get(ADDRESSES[0]).json()
    return metadata


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


@pytest.mark.requirement("RFC7517-4")
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


@pytest.mark.requirement("RFC9700-2.6")
def test_both_addresses_say_the_same(refusing: Provider) -> None:
    metadata, again = (refusing.http.get(address).json() for address in ADDRESSES)
    assert metadata == again and metadata["issuer"] == HTTP_ISSUER
    assert set(metadata) <= KNOWN_MEMBERS, "a member that no registry knows"


@pytest.mark.requirement("RFC9700-2.1.1-metadata", "RFC9700-2.1.2", "RFC9700-2.6", "RFC9207-3")
def test_what_is_required_is_said(refusing: Provider) -> None:
    metadata = metadata_of(refusing)
    assert metadata["response_types_supported"] == ["code"]
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["subject_types_supported"] == ["public"]
    assert metadata["id_token_signing_alg_values_supported"] == ["RS256"]
    assert metadata["request_object_signing_alg_values_supported"] == ["RS256"]
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["claims_parameter_supported"] is True
    assert metadata["request_parameter_supported"] is False
    assert metadata["response_modes_supported"] == ["query", "form_post"]
    assert metadata["require_pushed_authorization_requests"] is False
    assert metadata["request_uri_parameter_supported"] is False, "left out it would mean true"
    assert metadata["acr_values_supported"][0].endswith(":1fa"), "the password level first"
    assert "openid" in metadata["scopes_supported"]
    for locale in metadata["ui_locales_supported"]:
        assert re.fullmatch(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?", locale), "RFC 5646 s2.1.1"


def test_every_endpoint_is_advertised_or_says_why_not(refusing: Provider) -> None:
    metadata = metadata_of(refusing)
    said = {name: url for name, url in metadata.items() if name.endswith("_endpoint") or name == "jwks_uri"}
    assert said == {
        endpoint.metadata: HTTP_ISSUER + endpoint.path for endpoint in ENDPOINTS if not endpoint.unadvertised
    }


def test_every_advertised_endpoint_answers(refusing: Provider) -> None:
    metadata = metadata_of(refusing)
    for name, url in metadata.items():
        if name in ADDRESSED:
            assert url.startswith(HTTP_ISSUER + "/")
            path = url.removeprefix(HTTP_ISSUER)
            answers = {refusing.http.get(path).status_code, refusing.http.post(path).status_code}
            assert answers - {404, 405, 500}, name


@pytest.mark.requirement("OAUTH21-1.3")
def test_every_advertised_grant_answers_and_no_other(provider: Provider) -> None:
    advertised = metadata_of(provider)["grant_types_supported"]
    assert {"authorization_code", "refresh_token"} <= set(advertised)
    others = {"password", "implicit", "urn:ietf:params:oauth:grant-type:device_code", *REGISTRABLE_GRANTS}
    for grant_type in {*advertised, *others}:
        answer = provider.post("/token", {"grant_type": grant_type, "client_id": "mobile-app"})
        assert (answer.json()["error"] != "unsupported_grant_type") == (grant_type in advertised), grant_type


def test_every_advertised_client_authentication_works(provider: Provider) -> None:
    metadata = metadata_of(provider)
    basic = base64.b64encode(f"portal:{quote(PORTAL_SECRET, safe='')}".encode()).decode()
    requests: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "none": ({"client_id": "mobile-app"}, {}),
        "client_secret_basic": ({}, {"Authorization": f"Basic {basic}"}),
        "client_secret_post": ({"client_id": "portal", "client_secret": PORTAL_SECRET}, {}),
        "private_key_jwt": (assertion(provider), {}),
    }
    for endpoint in ("token", "revocation"):
        assert set(metadata[f"{endpoint}_endpoint_auth_methods_supported"]) == set(requests)
    for method, (form, headers) in requests.items():
        answer = provider.post("/revoke", {"token": "unknown", **form}, **headers)
        assert answer.status_code == 200, method


@pytest.mark.requirement("DISCOVERY-3")
def test_every_advertised_prompt_and_response_mode_works(provider: Provider) -> None:
    metadata, browser = metadata_of(provider), provider.browser()
    browser.sign_in()
    for prompt in metadata["prompt_values_supported"]:
        answer = browser.open(prompt=prompt)
        error = answer_of(answer).get("error") if answer.status_code == 303 else None
        assert error in ({"interaction_required"} if prompt == "none" else {None}), prompt
    for mode in ("query", "fragment", "form_post", "query.jwt"):
        answer = browser.authorize(response_mode=mode, redirect_uri=APP_LINK)
        refused = answer.status_code == 303 and answer_of(answer).get("error") == "invalid_request"
        assert refused == (mode not in metadata["response_modes_supported"]), mode


def test_every_claim_that_is_told_is_advertised(provider: Provider) -> None:
    metadata = metadata_of(provider)
    tokens = provider.sign_in(scope="openid profile email offline_access")
    told = provider.userinfo(tokens["access_token"]).json()
    assert set(told) | set(claims_of(tokens["id_token"])) <= set(metadata["claims_supported"])


def test_the_document_follows_the_catalogue(provider: Provider) -> None:
    before = provider.http.get(ADDRESSES[0])
    scopes = '[{"name": "crm:audit", "description": "", "machine_only": false, "role": null}]'
    provider.sql("UPDATE apis SET scopes = :scopes WHERE name = 'CRM'", scopes=scopes)
    assert provider.http.get(ADDRESSES[0]).content == before.content, "at most ten seconds old"
    provider.clock.advance(seconds=11)
    after = provider.http.get(ADDRESSES[0], headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200 and after.headers["etag"] != before.headers["etag"]
    assert "crm:audit" in after.json()["scopes_supported"] and "crm:read" not in after.json()["scopes_supported"]


@pytest.mark.requirement("RFC9700-4.13-auth")
def test_the_issuer_is_the_settings_and_not_the_host_headers(https_provider: Provider) -> None:
    for headers in ({}, {"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"}):
        metadata = https_provider.http.get(ADDRESSES[0], headers=headers)
        assert metadata.json()["issuer"] == HTTPS_ISSUER and "evil" not in metadata.text
