"""POST /token with client_credentials (RFC 6749 s4.4): a token for a machine, and what such a token never is."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from services.auth.provisioning.client_secrets import drop_old_secrets, rotate_secret
from tests.integration.auth.provider import Provider, claims_of, oauth_error
from tests.integration.auth.seeds import CRM, ORDERS


def granted(provider: Provider, **form: Any) -> dict[str, Any]:
    response = provider.machine(**form)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    return dict(response.json())


@pytest.mark.requirement("RFC9700-4.15", "RFC9068-5")
def test_without_scope_a_machine_gets_its_own_and_no_other_token(provider: Provider) -> None:
    body = granted(provider)
    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}, "neither refresh token nor ID token"
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 900)
    assert body["scope"] == "crm:read crm:read:all orders:read orders:read:all"
    claims = claims_of(body["access_token"])
    assert jwt.get_unverified_header(body["access_token"])["typ"] == "at+jwt"
    assert (claims["sub"], claims["client_id"], claims["aud"]) == ("client:reports-job", "reports-job", [CRM, ORDERS])
    assert {"sid", "auth_time", "acr", "amr", "roles", "groups"} & set(claims) == set()


@pytest.mark.parametrize(
    ("form", "scope", "audience"),
    [
        ({"scope": "crm:read"}, "crm:read", [CRM]),
        ({"scope": "crm:read of-nobody"}, "crm:read", [CRM]),
        ({"scope": ""}, "crm:read crm:read:all orders:read orders:read:all", [CRM, ORDERS]),
        ({"resource": ORDERS}, "orders:read orders:read:all", [ORDERS]),
        ({"resource": ORDERS + "/"}, "orders:read orders:read:all", [ORDERS]),
        ({"resource": [CRM, ORDERS], "scope": "crm:read orders:read"}, "crm:read orders:read", [CRM, ORDERS]),
        ({"resource": CRM, "scope": "crm:read orders:read"}, "crm:read", [CRM]),
    ],
)
def test_scope_and_resource_narrow_the_token(
    provider: Provider, form: dict[str, Any], scope: str, audience: list[str]
) -> None:
    """RFC 8707 s2.2; unknown scopes are ignored, an empty path is not a path"""
    body = granted(provider, **form)
    assert (body["scope"], claims_of(body["access_token"])["aud"]) == (scope, audience)


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"scope": "crm:write"}, "invalid_scope"),
        ({"scope": "crm:read crm:write"}, "invalid_scope"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "of-nobody"}, "invalid_scope"),
        ({"scope": " "}, "invalid_scope"),
        ({"scope": "x" * 8192}, "invalid_scope"),
        ({"scope": "crm:r\u00e9ad"}, "invalid_scope"),
        ({"scope": "crm:read\0"}, "invalid_request"),
        ({"scope": ["crm:read", "crm:read"]}, "invalid_request"),
        ({"grant_type": ["client_credentials"] * 2}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "x" * 8192}, "unsupported_grant_type"),
        ({"resource": "http://localhost:9003"}, "invalid_target"),
        ({"resource": CRM + "//"}, "invalid_target"),
        ({"resource": CRM + "/?"}, "invalid_target"),
        ({"resource": CRM, "scope": "orders:read"}, "invalid_target"),
        ({"resource": [CRM, "nonsense"]}, "invalid_target"),
        ({"resource": "x" * 8192}, "invalid_target"),
        ({"resource": "\u00e4"}, "invalid_target"),
        ({"resource": "a\0"}, "invalid_request"),
    ],
)
def test_what_a_machine_may_not_have_is_refused(refusing: Provider, form: dict[str, Any], error: str) -> None:
    assert oauth_error(refusing.machine(**form)) == error


def test_a_megabyte_is_refused_before_it_is_read(refusing: Provider) -> None:
    assert oauth_error(refusing.machine(scope="x" * 2**20), 413) == "invalid_request"


@pytest.mark.parametrize("client_id", ["partner-web", "crm-api", "orders-api"])
def test_a_client_that_is_not_registered_for_it_is_refused(refusing: Provider, client_id: str) -> None:
    assert oauth_error(refusing.machine(client_id)) == "unauthorized_client"


def test_a_public_client_gets_no_machine_token_whatever_its_row_says(provider: Provider) -> None:
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.grant_types', json('[\"client_credentials\"]'))"
        " WHERE client_id = 'mobile-app'"
    )
    form = {"grant_type": "client_credentials", "client_id": "mobile-app"}
    assert oauth_error(provider.post("/token", form)) == "unauthorized_client"


def test_a_scope_that_needs_a_persons_role_is_never_a_machines(provider: Provider) -> None:
    """auth:admin and its like: whatever the client's registration says"""
    provider.sql(
        'UPDATE apis SET scopes = json_insert(scopes, \'$[#]\', json(\'{"name": "auth:admin", "description": "",'
        ' "machine_only": false, "role": "admin"}\')) WHERE identifier = :crm',
        crm=CRM,
    )
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.scope', 'crm:read auth:admin openid')"
        " WHERE client_id = 'reports-job'"
    )
    assert granted(provider)["scope"] == "crm:read"
    assert oauth_error(provider.machine(scope="auth:admin")) == "invalid_scope"
    assert oauth_error(provider.machine(scope="openid")) == "invalid_scope"


def test_a_machines_token_opens_no_userinfo(provider: Provider) -> None:
    response = provider.userinfo(granted(provider)["access_token"])
    assert response.status_code == 403
    assert 'error="insufficient_scope"' in response.headers["www-authenticate"]


def test_a_machine_token_is_no_grant(provider: Provider) -> None:
    """Neither as refresh token, nor as code, nor to trade."""
    access_token = granted(provider)["access_token"]
    assert oauth_error(provider.refresh(access_token)) == "invalid_grant"
    assert oauth_error(provider.redeem(access_token)) == "invalid_grant"
    assert oauth_error(provider.exchange(access_token)) == "invalid_request"


def test_a_disabled_client_gets_no_token(provider: Provider) -> None:
    granted(provider)
    provider.sql("UPDATE clients SET disabled_at = '2026-01-01 00:00:00.000000' WHERE client_id = 'reports-job'")
    provider.clock.advance(seconds=11)
    assert oauth_error(provider.machine(), 401) == "invalid_client"


def test_a_machine_token_costs_one_signature_and_no_statement(
    provider: Provider, statements: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    granted(provider)
    signed: list[str] = []
    signer = type(provider.context.token_issuer.signer)
    sign = signer.sign

    def note(*arguments: Any, typ: str) -> Any:
        signed.append(typ)
        return sign(*arguments, typ=typ)

    monkeypatch.setattr(signer, "sign", note)
    statements.clear()
    granted(provider)
    assert (statements, signed) == ([], ["at+jwt"])


@pytest.mark.parametrize("had_tokens", [True, False])
def test_a_dropped_secret_that_a_process_still_remembers_gets_no_token_that_lives(
    provider: Provider, had_tokens: bool
) -> None:
    """Clients are remembered for ten seconds, and the thief is quick."""
    other = provider.restarted()
    if had_tokens:
        granted(other)
    assert other.introspect("x", by="reports-job").status_code == 400, "the process knows the client now"
    with other.context.database.transaction() as stores:
        rotate_secret(stores, "reports-job", provider.clock.now() + timedelta(seconds=1))
        drop_old_secrets(stores, "reports-job", provider.clock.now())
    at_once = other.machine()
    assert at_once.status_code != 200 or not other.introspect(at_once.json()["access_token"]).json()["active"]
    provider.clock.advance(seconds=2)
    assert other.machine().status_code == (503 if had_tokens else 401), "once: the new secret's holder tries again"
    assert oauth_error(other.machine(), 401) == "invalid_client"
