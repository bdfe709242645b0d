"""Client authentication: by the registered method, and by one alone (RFC 6749 s2.3 and s2.3.1)."""

import base64
from secrets import token_hex
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from services.auth.clients.assertion import JWT_BEARER
from services.auth.opaque_token import digest
from shared.clock import epoch
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, basic, claims_of, oauth_error
from tests.integration.auth.seeds import ASSERTION_KEY, HTTP_ISSUER, PORTAL_SECRET, SECOND_ASSERTION_KEY
from tests.integration.auth.test_token import PORTAL, portal_code
from tests.support.assertions import claims_for, signed


@pytest.mark.requirement("OIDC-9")
def test_basic_credentials_are_form_decoded(provider: Provider) -> None:
    """RFC 6749 s2.3.1"""
    code = portal_code(provider)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": PORTAL["redirect_uri"]}
    assert provider.post("/token", form, Authorization=basic("portal", PORTAL_SECRET)).status_code == 200


@pytest.mark.requirement("OIDC-9")
@pytest.mark.parametrize(
    ("header", "changes", "status", "error"),
    [
        (basic("portal", "wrong"), {}, 401, "invalid_client"),
        (basic("portal", ""), {}, 401, "invalid_client"),
        (basic("nobody", PORTAL_SECRET), {}, 401, "invalid_client"),
        (basic("mobile-app", ""), {}, 400, "invalid_grant"),  # a public client, and the code is none
        (basic("mobile-app", "x"), {}, 401, "invalid_client"),
        (basic("portal", PORTAL_SECRET), {"client_secret": PORTAL_SECRET}, 400, "invalid_request"),
        (basic("portal", PORTAL_SECRET), {"client_id": "mobile-app"}, 400, "invalid_request"),
        ("Basic", {}, 401, "invalid_client"),
        ("Basic !!!", {}, 401, "invalid_client"),
        ("Basic " + base64.b64encode(b"portal:\xff\xfe").decode(), {}, 401, "invalid_client"),
        ("Basic " + base64.b64encode(b"portal:%00").decode(), {}, 401, "invalid_client"),
        ("Basic " + base64.b64encode(b"no colon").decode(), {}, 401, "invalid_client"),
        ("Basic \u00e4\u00f6", {}, 401, "invalid_client"),
        ("Bearer x", {}, 401, "invalid_client"),
        (None, {"client_id": "portal"}, 400, "invalid_client"),
        (None, {"client_id": "portal", "client_secret": "wrong"}, 400, "invalid_client"),
        (None, {"client_id": "mobile-app", "client_secret": "x"}, 400, "invalid_client"),
        (
            None,
            {"client_id": "orders-api", "client_secret": "orders-api-secret-for-local-use-only"},
            400,
            "unauthorized_client",
        ),
        (None, {"client_id": "nobody"}, 400, "invalid_client"),
        (None, {}, 400, "invalid_client"),
        (None, {"client_assertion": "x", "client_assertion_type": "y"}, 400, "invalid_client"),
        (None, {"client_assertion": "x", "client_assertion_type": JWT_BEARER}, 400, "invalid_client"),
        (None, {"client_assertion_type": JWT_BEARER}, 400, "invalid_client"),
        (None, {"client_assertion": "x"}, 400, "invalid_client"),
        (None, {"client_assertion": "x" * 9000, "client_assertion_type": JWT_BEARER}, 400, "invalid_client"),
        (None, {"client_assertion": "\u00e4", "client_assertion_type": JWT_BEARER}, 400, "invalid_client"),
        (basic("portal", PORTAL_SECRET), {"client_assertion": "x"}, 400, "invalid_request"),
        (basic("portal", PORTAL_SECRET), {"client_assertion_type": JWT_BEARER}, 400, "invalid_client"),
        (None, {"client_id": "portal", "client_secret": "y", "client_assertion": "x"}, 400, "invalid_request"),
        (None, {"client_id": "batch-signer"}, 400, "invalid_client"),
        (None, {"client_id": "batch-signer", "client_secret": PORTAL_SECRET}, 400, "invalid_client"),
        (basic("batch-signer", ""), {}, 401, "invalid_client"),
    ],
)
def test_a_client_authenticates_by_its_own_method_and_one_alone(
    refusing: Provider, header: str | None, changes: dict[str, str], status: int, error: str
) -> None:
    form = {"grant_type": "authorization_code", "code": "x", **changes}
    headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
    response = refusing.http.post("/token", data=form, headers=headers)
    assert oauth_error(response, status) == error
    assert ("www-authenticate" in response.headers) is (status == 401)


# ---------------------------------------------------------------- private_key_jwt (RFC 7523)


def assertion(provider: Provider, client_id: str = "batch-signer", **claims: Any) -> dict[str, str]:
    """Return the parameters that prove to be this client, with an assertion of its own each time."""
    content = claims_for(client_id, provider.clock.now(), **{"jti": token_hex(8), **claims})
    return {"client_assertion": signed(content, ASSERTION_KEY), "client_assertion_type": JWT_BEARER}


def machine(provider: Provider, proof: dict[str, str], **form: str) -> httpx2.Response:
    return provider.post("/token", {"grant_type": "client_credentials", **proof, **form})


@pytest.mark.requirement("OIDC-9-private-key-jwt")
def test_a_client_proves_itself_by_what_it_signs(provider: Provider) -> None:
    response = machine(provider, assertion(provider))
    assert response.status_code == 200, response.text
    assert claims_of(response.json()["access_token"])["sub"] == "client:batch-signer"
    by_second_key = signed(
        claims_for("batch-signer", provider.clock.now()), SECOND_ASSERTION_KEY, alg="ES256", headers={"kid": "k2"}
    )
    proof = {"client_assertion": by_second_key, "client_assertion_type": JWT_BEARER}
    assert machine(provider, proof, client_id="batch-signer").status_code == 200


@pytest.mark.requirement("OIDC-9-private-key-jwt")
def test_a_replayed_assertion_is_refused_by_every_process(provider: Provider) -> None:
    proof = assertion(provider)
    other_process = provider.restarted()
    assert machine(provider, proof).status_code == 200
    for _ in range(2):
        assert oauth_error(machine(provider, proof)) == "invalid_client"
        assert oauth_error(machine(other_process, proof)) == "invalid_client"
    stop(other_process)


def test_an_assertion_is_used_up_at_whichever_endpoint_it_came_to_first(provider: Provider) -> None:
    proof = assertion(provider)
    assert provider.post("/introspect", {"token": "x", **proof}).json() == {"active": False}
    assert oauth_error(machine(provider, proof)) == "invalid_client"
    assert oauth_error(provider.post("/revoke", {"token": "x", **proof})) == "invalid_client"


def test_a_refused_assertion_is_not_used_up(provider: Provider) -> None:
    """Else whoever sees one could burn it."""
    proof = assertion(provider)
    header, claims, signature = proof["client_assertion"].split(".")
    forged = {**proof, "client_assertion": f"{header}.{claims}.{signature[:-8]}AAAAAAAA"}
    assert oauth_error(machine(provider, forged)) == "invalid_client"
    assert oauth_error(machine(provider, proof, client_id="portal")) == "invalid_request"
    assert machine(provider, proof).status_code == 200


def test_the_same_jti_of_two_clients_is_two_assertions(provider: Provider) -> None:
    assert machine(provider, assertion(provider, jti="1")).status_code == 200
    assert machine(provider, assertion(provider, "strict-signer", jti="1")).status_code == 200


def test_the_audience_is_the_issuer_or_where_it_is_sent_unless_the_client_wants_the_issuer_alone(
    provider: Provider,
) -> None:
    for audience in (HTTP_ISSUER, f"{HTTP_ISSUER}/token"):
        assert machine(provider, assertion(provider, aud=audience)).status_code == 200
    assert oauth_error(machine(provider, assertion(provider, aud=f"{HTTP_ISSUER}/introspect"))) == "invalid_client"
    asked = provider.post("/introspect", {"token": "x", **assertion(provider, aud=f"{HTTP_ISSUER}/introspect")})
    assert asked.status_code == 200
    strict = assertion(provider, "strict-signer", aud=f"{HTTP_ISSUER}/token")
    assert oauth_error(machine(provider, strict)) == "invalid_client"
    assert machine(provider, assertion(provider, "strict-signer")).status_code == 200


@pytest.mark.requirement("OIDC-9-private-key-jwt")
def test_an_assertion_for_ten_years_is_refused(provider: Provider) -> None:
    ten_years = epoch(provider.clock.now()) + 315_360_000
    assert oauth_error(machine(provider, assertion(provider, exp=ten_years))) == "invalid_client"


def test_used_assertions_are_swept_away_once_expired(provider: Provider) -> None:
    kept = "SELECT count(*) FROM assertion_jtis"
    sweeping = next(str(n) for n in range(10_000) if digest(str(n))[0] == 0)
    for _ in range(3):
        machine(provider, assertion(provider))
    provider.clock.advance(hours=1, minutes=2)
    machine(provider, assertion(provider, jti=sweeping))
    with provider.database.autocommit() as db:
        assert db.execute(text(kept)).scalar_one() == 1
