"""A client's metadata is one list: what a file says reaches the row and comes back, and RFC 7591 fills in the rest."""

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from services.auth.clients.registration import ClientMetadata, ExchangeTarget
from services.auth.provisioning.client_entry import CLIENT_NAMES, stored_metadata, wire_metadata
from services.auth.provisioning.parse import parse_configuration
from tests.support.assertions import public_jwk, rsa_key
from tests.support.clients import CLIENT, SECRET, public_key

BARE = ClientMetadata(**{one.name: getattr(CLIENT, one.name) for one in fields(ClientMetadata)})
#: Each field with a value that is not its default.
FULL = replace(
    BARE,
    name="Full",
    application_type="web",
    auth_method="private_key_jwt",
    grant_types=frozenset({"authorization_code", "refresh_token"}),
    redirect_uris=("https://app.example/callback",),
    scopes=frozenset({"openid", "crm:read"}),
    first_party=True,
    allow_undotted_scheme=True,
    always_continue=True,
    require_pkce=False,
    require_mfa=True,
    require_pushed_authorization_requests=True,
    id_token_profile_claims=True,
    default_max_age=5,
    assertion_keys=(public_key(public_jwk(rsa_key(), "k")),),
    assertion_algorithm="PS256",
    assertion_audience="endpoint",
    post_logout_redirect_uris=("https://app.example/out",),
    backchannel_logout_uri="https://app.example/bye",
    allowed_origins=("https://app.example",),
    logo_uri="https://app.example/logo.png",
    policy_uri="https://app.example/privacy",
    tos_uri="https://app.example/terms",
    android_package_name="com.example.app",
    android_sha256_cert_fingerprints=("00",),
    apple_app_ids=("ABCDE12345.com.example.app",),
    dpop_bound_access_tokens=True,
    access_token_lifetime=timedelta(seconds=61),
    refresh_retry_window=timedelta(0),
    refresh_idle_lifetime=timedelta(seconds=62),
    refresh_absolute_lifetime=timedelta(seconds=63),
    resource_identifiers=("https://crm.example",),
    introspection=True,
    exchange_targets=(ExchangeTarget(resource="https://orders.example", scopes=frozenset({"orders:read"})),),
)


@pytest.mark.parametrize("name", [one.name for one in fields(ClientMetadata)])
def test_each_field_reaches_the_row_and_comes_back(name: str) -> None:
    assert name == "client_id" or getattr(FULL, name) != getattr(BARE, name), "the test has a value for it"
    assert getattr(stored_metadata("app", wire_metadata(FULL)), name) == getattr(FULL, name)


def test_the_row_is_written_in_the_names_of_the_wire() -> None:
    assert set(wire_metadata(FULL)) <= CLIENT_NAMES


def test_a_row_of_a_newer_version_is_read() -> None:
    assert stored_metadata("app", {**wire_metadata(FULL), "of_tomorrow": 1}) == FULL


def test_the_defaults_are_those_of_the_specification() -> None:
    entry = {"client_id": "own", "client_secret": SECRET, "redirect_uris": ["https://own.example/callback"]}
    client = parse_configuration({"clients": [entry]}, local=False).clients[0]
    assert (client.name, client.application_type, client.auth_method) == ("own", "web", "client_secret_basic")
    assert client.grant_types == frozenset({"authorization_code"}) and client.scopes == frozenset({"openid"})
    assert client.auth_methods == {"client_secret_basic", "client_secret_post"}
