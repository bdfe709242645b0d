"""What access and ID tokens say (RFC 9068 s2.2, OpenID Connect Core s2 and s3.1.3.6)."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.auth.tokens.access_token import access_token_claims
from services.auth.tokens.family import Grant
from services.auth.tokens.id_token import at_hash, id_token_claims
from services.auth.tokens.status_list import StatusReference
from tests.support.authorizations import new_authorization

NOW = datetime(2030, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
SECONDS = 1_893_499_200
ISSUER = "https://auth.example"

AUTHORIZATION = new_authorization(
    user_id=UUID(int=2),
    session_id=UUID(int=3),
    scopes=frozenset({"openid", "crm:read"}),
    auth_time=NOW - timedelta(hours=1),
    acr="urn:company:acr:mfa",
    amr=("pwd", "otp", "mfa"),
)
GRANT = Grant(
    family_id=UUID(int=1),
    authorization=AUTHORIZATION,
    generation=4,
    mac_kid=b"",
    roles=("manager",),
    team="sales",
    status=StatusReference(3, 77),
)


def access(grant: Grant = GRANT, audience: list[str] | None = None) -> dict[str, Any]:
    return access_token_claims(
        grant,
        issuer=ISSUER,
        audience=["https://crm.example"] if audience is None else audience,
        scope="crm:read openid",
        lifetime=timedelta(minutes=5),
        now=NOW,
    )


def identity(nonce: str | None = "n") -> dict[str, Any]:
    return id_token_claims(GRANT, issuer=ISSUER, nonce=nonce, lifetime=timedelta(minutes=5), requested={}, now=NOW)


@pytest.mark.requirement("RFC9068-2.2")
def test_an_access_token_holds_the_claims_of_rfc_9068() -> None:
    claims = access()
    assert claims.pop("jti").startswith(f"{GRANT.family_id}.")
    assert claims == {
        "iss": ISSUER,
        "sub": str(AUTHORIZATION.user_id),
        "aud": ["https://crm.example"],
        "client_id": "app",
        "scope": "crm:read openid",
        "iat": SECONDS,
        "exp": SECONDS + 300,
        "auth_time": SECONDS - 3600,
        "acr": "urn:company:acr:mfa",
        "amr": ["pwd", "otp", "mfa"],
        "sid": str(AUTHORIZATION.session_id),
        "status": {"status_list": {"idx": 77, "uri": f"{ISSUER}/status/3"}},
        "roles": ["manager"],
        "groups": ["sales"],
    }


def test_what_a_user_has_not_is_left_out_and_never_null() -> None:
    claims = access(replace(GRANT, roles=(), team=None))
    assert not {"roles", "groups"} & set(claims)
    assert "null" not in json.dumps(claims)


def test_without_an_apis_scope_the_audience_is_the_issuer() -> None:
    assert access(audience=[])["aud"] == [ISSUER]


@pytest.mark.requirement("RFC9068-2.2")
def test_every_token_has_an_id_of_its_own() -> None:
    assert access()["jti"] != access()["jti"]


@pytest.mark.requirement("OIDC-2")
def test_an_id_token_holds_the_sign_in_and_nothing_of_the_apis() -> None:
    assert identity() == {
        "iss": ISSUER,
        "sub": str(AUTHORIZATION.user_id),
        "aud": "app",
        "iat": SECONDS,
        "exp": SECONDS + 300,
        "auth_time": SECONDS - 3600,
        "acr": "urn:company:acr:mfa",
        "amr": ["pwd", "otp", "mfa"],
        "at_hash": "",
        "sid": str(AUTHORIZATION.session_id),
        "nonce": "n",
    }


def test_without_a_nonce_there_is_no_nonce() -> None:
    assert "nonce" not in identity(nonce=None)
    assert identity(nonce="")["nonce"] == ""


@pytest.mark.requirement("OIDC-3.1.3.6")
@pytest.mark.parametrize(
    ("token", "expected"),
    [
        # OpenID Connect Core A.3: the example's access token and at_hash
        ("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"),
    ],
)
def test_at_hash_is_that_of_the_specifications_own_example(token: str, expected: str) -> None:
    assert at_hash(token) == expected
