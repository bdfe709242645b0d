"""One way to each refusal of auth, by the name that it has in log, audit trail and metrics."""

from collections.abc import Callable
from secrets import token_hex
from typing import Any

from services.auth.audit import Refusal
from services.auth.clients.assertion import JWT_BEARER
from shared.testing import FakeWallet
from tests.integration.auth.device_refusals import DEVICES
from tests.integration.auth.page_refusals import PAGES
from tests.integration.auth.provider import Provider, basic, code_of, seeded_basic
from tests.integration.auth.seeds import (
    ASSERTION_KEY,
    BOB,
    DEEP_LINK,
    PARTNER,
    PARTNER_SECRET,
    REQUEST,
    VERIFIER,
)
from tests.support.assertions import claims_for, rsa_key, signed

MACHINE = {"grant_type": "client_credentials"}
OWN = {**MACHINE, "client_id": "reports-job", "client_secret": "reports-job-secret-for-local-use-only"}
R = Refusal


def _code(provider: Provider, **changes: str | None) -> str:
    return code_of(provider.browser().sign_in(**changes))


def _assertion(provider: Provider, key: Any = ASSERTION_KEY, **claims: Any) -> None:
    content = claims_for("batch-signer", provider.clock.now(), **{"jti": token_hex(8), **claims})
    _signed_by(provider, signed(content, key))


def _signed_by(provider: Provider, assertion: str) -> None:
    form = {"client_assertion_type": JWT_BEARER, "client_assertion": assertion}
    provider.post("/token", {**MACHINE, **form})


def _replayed(provider: Provider) -> None:
    assertion = signed(claims_for("batch-signer", provider.clock.now()), ASSERTION_KEY)
    for _ in range(2):
        _signed_by(provider, assertion)


def _used_twice(provider: Provider) -> None:
    code = _code(provider)
    for _ in range(2):
        provider.redeem(code)


def _other_clients_refresh(provider: Provider) -> None:
    provider.refresh(provider.sign_in()["refresh_token"], client_id="other-app")


def _other_clients_narrowed_refresh(provider: Provider) -> None:
    provider.refresh(provider.sign_in()["refresh_token"], client_id="other-app", scope="openid")


def _after_the_end(provider: Provider, act: Callable[[dict[str, Any]], object]) -> None:
    tokens = provider.sign_in()
    provider.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})
    act(tokens)


def _with_proof(fault: str | None = None, times: int = 1, **form: str) -> Callable[[Provider], None]:
    """Return how a machine asks for tokens with the same proof, so many times."""

    def act(provider: Provider) -> None:
        proof = FakeWallet(clock=provider.clock).proof("POST", f"{provider.settings.issuer}/token", fault=fault)
        for _ in range(times):
            provider.post("/token", {**MACHINE, **form}, Authorization=seeded_basic("reports-job"), DPoP=proof)

    return act


def _bound(provider: Provider, act: Callable[[dict[str, Any]], object]) -> None:
    """Act on tokens that are bound to a key, without it."""
    code, url = _code(provider), f"{provider.settings.issuer}/token"
    proof = FakeWallet(clock=provider.clock).proof("POST", url)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "mobile-app",
        "redirect_uri": DEEP_LINK,
        "code_verifier": VERIFIER,
    }
    act(dict(provider.post("/token", form, DPoP=proof).json()))


def _must_bind(provider: Provider) -> None:
    provider.sql("UPDATE clients SET metadata = json_set(metadata, '$.dpop_bound_access_tokens', json('true'))")
    provider.machine()


def _other_keys_push(provider: Provider) -> None:
    proof = FakeWallet(clock=provider.clock).proof("POST", f"{provider.settings.issuer}/par")
    form = {**REQUEST, **PARTNER, "client_secret": PARTNER_SECRET, "dpop_jkt": "x" * 43}
    provider.post("/par", form, DPoP=proof)


def _unknown_family(provider: Provider) -> None:
    tokens = provider.sign_in()
    provider.sql("DELETE FROM families")
    provider.refresh(tokens["refresh_token"])


def _exchange(**changes: Any) -> Callable[[Provider], object]:
    return lambda p: p.exchange(p.sign_in(scope="openid orders:read")["access_token"], **changes)


def _exchange_with_two(provider: Provider) -> None:
    form = {"resource": ["http://localhost:9001", "http://localhost:9002"]}
    provider.exchange(provider.sign_in(scope="openid orders:read")["access_token"], **form)


def _revoke(client_id: str, which: str, **tokens: str) -> Callable[[Provider], object]:
    return lambda p: p.post("/revoke", {"token": p.sign_in(**tokens)[which], "client_id": client_id})


def _revoke_traded(provider: Provider) -> None:
    traded = provider.exchange(provider.sign_in(scope="openid orders:read")["access_token"]).json()["access_token"]
    provider.post("/revoke", {"token": traded}, Authorization=seeded_basic("orders-api"))


def _revoke_others_traded(provider: Provider) -> None:
    traded = provider.exchange(provider.sign_in(scope="openid orders:read")["access_token"]).json()["access_token"]
    provider.post("/revoke", {"token": traded, "client_id": "mobile-app"})


def _revoke_others_machine(provider: Provider) -> None:
    token = provider.machine().json()["access_token"]
    provider.post("/revoke", {"token": token, "client_id": "mobile-app"})


def _blocked(provider: Provider) -> None:
    browser = provider.browser()
    page = browser.open()
    for _ in range(7):
        page = browser.enter_password(page, ("alice", "wrong"))


def _second_factor(provider: Provider) -> None:
    browser = provider.browser()
    browser.enter_otp(browser.enter_password(browser.open(), BOB), "000000")


def _denied(provider: Provider) -> None:
    browser = provider.browser()
    browser.press(browser.open(), "cancel")


def _limit(provider: Provider) -> None:
    limited = provider.restarted(rate_limit_token="1/minute")
    limited.machine()
    limited.machine()


#: Each one is sent to a provider of its own.
PROVOKED: dict[str, Callable[[Provider], object]] = {
    R.REQUEST_MALFORMED: lambda p: p.http.post("/token", content=b"{}", headers={"Content-Type": "application/json"}),
    R.PARAMETER_MISSING: lambda p: p.post("/token", {"client_id": "mobile-app"}),
    R.PARAMETER_REPEATED: lambda p: p.post("/token", {"grant_type": ["a", "b"]}),
    R.NETWORK_LIMIT_REACHED: _limit,
    R.CLIENT_METHODS_MIXED: lambda p: p.machine(client_secret="x"),
    R.CLIENT_ID_DIFFERS: lambda p: p.post(
        "/token", {**MACHINE, "client_id": "crm-api"}, Authorization=seeded_basic("reports-job")
    ),
    R.CLIENT_MISSING: lambda p: p.post("/token", MACHINE),
    R.CLIENT_HEADER_NOT_BASIC: lambda p: p.post("/token", MACHINE, Authorization="Bearer x"),
    R.CLIENT_HEADER_UNREADABLE: lambda p: p.post("/token", MACHINE, Authorization="Basic !"),
    R.CLIENT_UNKNOWN: lambda p: p.post("/token", MACHINE, Authorization=basic("nobody", "x")),
    R.CLIENT_METHOD_NOT_REGISTERED: lambda p: p.post("/token", {**MACHINE, "client_id": "reports-job"}),
    R.CLIENT_SECRET_WRONG: lambda p: p.post("/token", MACHINE, Authorization=basic("reports-job", "x")),
    R.CLIENT_ASSERTION_INCOMPLETE: lambda p: p.post("/token", {**MACHINE, "client_assertion": "x"}),
    R.CLIENT_ASSERTION_UNREADABLE: lambda p: _signed_by(p, "x"),
    R.CLIENT_ASSERTION_SIGNATURE: lambda p: _assertion(p, rsa_key(1)),
    R.CLIENT_ASSERTION_ISSUER: lambda p: _assertion(p, iss="somebody"),
    R.CLIENT_ASSERTION_AUDIENCE: lambda p: _assertion(p, aud="https://elsewhere.example"),
    R.CLIENT_ASSERTION_TIMES: lambda p: _assertion(p, exp=None),
    R.CLIENT_ASSERTION_JTI: lambda p: _assertion(p, jti=None),
    R.CLIENT_ASSERTION_REPLAYED: _replayed,
    R.GRANT_TYPE_UNKNOWN: lambda p: p.post("/token", {"grant_type": "password", "client_id": "mobile-app"}),
    R.GRANT_TYPE_NOT_REGISTERED: lambda p: p.post("/token", {**MACHINE, "client_id": "mobile-app"}),
    R.SCOPE_UNKNOWN: lambda p: p.refresh(p.sign_in()["refresh_token"], scope="nothing:known"),
    R.RESOURCE_OUT_OF_REACH: lambda p: p.refresh(p.sign_in()["refresh_token"], resource="https://elsewhere.example"),
    R.CODE_UNKNOWN: lambda p: p.redeem("x"),
    R.CODE_OF_ANOTHER_CLIENT: lambda p: p.redeem(_code(p), client_id="other-app"),
    R.CODE_REDIRECT_URI_DIFFERS: lambda p: p.redeem(_code(p), redirect_uri="https://elsewhere.example/"),
    R.CODE_VERIFIER_MISSING: lambda p: p.redeem(_code(p), code_verifier=None),
    R.CODE_VERIFIER_MALFORMED: lambda p: p.redeem(_code(p), code_verifier="short"),
    R.CODE_VERIFIER_WRONG: lambda p: p.redeem(_code(p), code_verifier="another-verifier-that-is-long-enough-for-it-00"),
    R.CODE_OVER: _used_twice,
    R.AUTHORIZATION_DETAILS: lambda p: p.machine(authorization_details="[]"),
    **DEVICES,
    R.REFRESH_TOKEN_UNREADABLE: lambda p: p.refresh("x"),
    R.REFRESH_TOKEN_UNKNOWN: _unknown_family,
    R.REFRESH_TOKEN_OF_ANOTHER_CLIENT: _other_clients_refresh,
    R.REFRESH_TOKEN_OVER: lambda p: _after_the_end(p, lambda tokens: p.refresh(tokens["refresh_token"])),
    R.REFRESH_SCOPE_BEYOND_GRANT: lambda p: p.refresh(
        p.sign_in(scope="openid offline_access")["refresh_token"], scope="crm:read"
    ),
    R.MACHINE_SCOPE_UNKNOWN: lambda p: p.machine(scope="nothing:known"),
    R.MACHINE_SCOPE_NOT_REGISTERED: lambda p: p.machine(scope="crm:write"),
    R.EXCHANGE_TOKEN_REFUSED: lambda p: p.exchange("x"),
    R.EXCHANGE_TOKEN_OVER: lambda p: _after_the_end(p, lambda tokens: p.exchange(tokens["access_token"])),
    R.EXCHANGE_SUBJECT_TYPE: _exchange(subject_token_type="x"),
    R.EXCHANGE_REQUESTED_TYPE: _exchange(requested_token_type="x"),
    R.EXCHANGE_ACTOR_TOKEN: _exchange(actor_token="x"),
    R.EXCHANGE_BY_AUDIENCE: _exchange(audience="x"),
    R.EXCHANGE_RESOURCE_MISSING: lambda p: p.post(
        "/token",
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": p.sign_in(scope="openid orders:read")["access_token"],
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
        },
        Authorization=seeded_basic("orders-api"),
    ),
    R.EXCHANGE_RESOURCE_UNKNOWN: _exchange(resource="https://elsewhere.example"),
    R.EXCHANGE_RESOURCES_MANY: _exchange_with_two,
    R.EXCHANGE_TARGET_NOT_REGISTERED: _exchange(resource="http://localhost:9002"),
    R.EXCHANGE_SCOPE_UNKNOWN: _exchange(scope="nothing:known"),
    R.EXCHANGE_SCOPE_NOT_REGISTERED: _exchange(scope="crm:write"),
    R.CODE_OF_ANOTHER_KEY: lambda p: p.redeem(_code(p, dpop_jkt="x" * 43)),
    R.REFRESH_TOKEN_OF_ANOTHER_KEY: lambda p: _bound(p, lambda tokens: p.refresh(tokens["refresh_token"])),
    R.DPOP_PROOF_MISSING: lambda p: _bound(
        p, lambda t: p.http.get("/userinfo", headers={"Authorization": f"DPoP {t['access_token']}"})
    ),
    R.DPOP_PROOF_REQUIRED: _must_bind,
    R.DPOP_PROOF_REPEATED: lambda p: p.http.post("/token", data=OWN, headers=[("DPoP", "a"), ("DPoP", "b")]),
    R.DPOP_PROOF_REFUSED: _with_proof("htm"),
    R.DPOP_PROOF_REPLAYED: _with_proof(times=2),
    R.DPOP_PROOF_OF_ANOTHER_KEY: _other_keys_push,
    R.INTROSPECTION_NOT_ALLOWED: lambda p: p.introspect("x", by="reports-job"),
    R.REVOCATION_OF_ANOTHER_CLIENTS_FAMILY: _revoke("other-app", "refresh_token"),
    R.REVOCATION_OF_ANOTHER_CLIENTS_TOKEN: _revoke_others_traded,
    R.REVOCATION_OF_ANOTHER_MACHINES_TOKEN: _revoke_others_machine,
    R.REVOCATION_OF_A_TRADED_TOKEN: _revoke_traded,
    R.PUSHED_REQUEST_NAMES_ANOTHER: lambda p: p.push(request_uri="urn:x"),
    R.PUSHED_REQUEST_REFUSED: lambda p: p.push(response_type="token"),
    R.PUSHED_REQUEST_CLIENT_REFUSED: lambda p: p.push(redirect_uri="https://elsewhere.example/"),
    R.BEARER_TOKEN_MALFORMED: lambda p: p.http.get("/userinfo", headers={"Authorization": "Bearer "}),
    R.BEARER_TOKEN_REFUSED: lambda p: p.userinfo("x"),
    R.BEARER_TOKEN_OVER: lambda p: _after_the_end(p, lambda tokens: p.userinfo(tokens["access_token"])),
    R.BEARER_TOKEN_OF_ANOTHER_KEY: lambda p: _bound(p, lambda tokens: p.userinfo(tokens["access_token"])),
    R.BEARER_TOKEN_OF_A_MACHINE: lambda p: p.userinfo(p.machine().json()["access_token"]),
    R.BEARER_SCOPE_MISSING: lambda p: p.userinfo(p.sign_in(scope="crm:read")["access_token"]),
    R.SIGN_IN_FAILED: lambda p: (b := p.browser()).enter_password(b.open(), ("alice", "wrong")),
    R.SECOND_FACTOR_FAILED: _second_factor,
    R.PASSKEY_FAILED: lambda p: (b := p.browser()).submit(b.open(), credential="{}", action="passkey"),
    R.ATTEMPT_WHILE_BLOCKED: _blocked,
    **PAGES,
    "redirect_access_denied": _denied,
    "redirect_invalid_request": lambda p: p.browser().authorize(code_challenge_method="plain"),
    "redirect_invalid_scope": lambda p: p.browser().authorize(scope=None),
    "redirect_unsupported_response_type": lambda p: p.browser().authorize(response_type="token"),
}

#: Names without an example here, each with the reason.
ELSEWHERE = {
    R.PASSWORD_NOT_ALLOWED: "needs a one-time link: test_one_time_links.py",
    R.PASSKEY_CHALLENGE_OVER: "needs an authenticator: tests/security/test_auth_passkeys.py",
    R.PASSKEY_NOT_ADDED: "likewise",
    R.ACCOUNT_FORM_REFUSED: "needs somebody who is signed in: test_account*.py",
    "page_address_taken": "needs a one-time link: test_account_mail.py",
    R.WITHOUT_A_NAME: "what must not happen: every recorded answer is held against it",
    R.CHALLENGE_REQUIRED: "told as redirect_invalid_request, with the sentence as its reason",
    R.CHALLENGE_MISSING: "likewise",
    R.CHALLENGE_METHOD: "likewise",
    R.CHALLENGE_MALFORMED: "likewise",
    R.CODE_VERIFIER_UNASKED: "needs a client that sends no challenge: test_token.py",
    R.MACHINE_CLIENT_PUBLIC: "no public client can be registered for that grant",
    R.EXCHANGE_CLIENT_PUBLIC: "no public client can be registered for that grant",
    R.MACHINE_SCOPE_OF_NO_API: "needs a machine client that is registered for no API",
    R.MACHINE_CLIENT_DISABLED: "an end between two statements",
    R.EXCHANGE_WITHOUT_SCOPE: "a third party whose user has taken the consent back: test_token_exchange.py",
    "page_not_found": "an address that no endpoint answers",
    "page_method_not_allowed": "named method_not_allowed",
    "page_too_large": "named http_error",
    "page_too_many_requests": "named network_limit_reached",
    "page_internal_error": "named internal_error",
    "page_unavailable": "named unavailable",
}
