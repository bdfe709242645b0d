"""DPoP at the provider (RFC 9449): bound tokens, nonces, and what a proof costs when it is wrong: nothing."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from shared.testing import FakeWallet, SettableClock, parts
from shared.testing.wallet import FAULTS, TOKEN_FAULTS
from tests.integration.auth.provider import Browser, Provider, answer_of, code_of, seeded_basic
from tests.integration.auth.seeds import ALICE, DEEP_LINK, PARTNER, PARTNER_SECRET, REQUEST, VERIFIER

ISSUER = "http://localhost:9000"
TOKEN, USERINFO = f"{ISSUER}/token", f"{ISSUER}/userinfo"
DAY = timedelta(days=1)


@pytest.fixture
def wallet(clock: SettableClock) -> FakeWallet:
    return FakeWallet(clock=clock)


def redeem(provider: Provider, code: str, *proofs: str, **changes: str) -> httpx2.Response:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "client_id": "mobile-app",
        "redirect_uri": DEEP_LINK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return post(provider, "/token", form, *proofs)


def refresh(provider: Provider, refresh_token: str, *proofs: str, agent: str = "Phone/1") -> httpx2.Response:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": "mobile-app"}
    return post(provider, "/token", form, *proofs, agent=agent)


def post(
    provider: Provider, path: str, form: dict[str, Any], *proofs: str, agent: str = "Phone/1", authorization: str = ""
) -> httpx2.Response:
    provider.http.cookies.clear()
    headers = [("DPoP", proof) for proof in proofs] + [("User-Agent", agent)]
    headers += [("Authorization", authorization)] if authorization else []
    return provider.http.post(path, data=form, headers=headers)


def sign_in(provider: Provider, wallet: FakeWallet, **changes: str) -> dict[str, Any]:
    """Sign alice in by mobile-app, and bind what it gets to the wallet."""
    code = code_of(provider.browser().sign_in(ALICE, **changes))
    response = redeem(provider, code, wallet.proof("POST", TOKEN))
    assert response.status_code == 200, response.text
    return dict(response.json())


def userinfo(provider: Provider, method: str, token: str, proof: str | None, scheme: str = "DPoP") -> httpx2.Response:
    headers = {"Authorization": f"{scheme} {token}", **({} if proof is None else {"DPoP": proof})}
    return provider.http.request(method, "/userinfo", headers=headers)


def refused(response: httpx2.Response, error: str = "invalid_dpop_proof", status: int = 400) -> dict[str, str]:
    assert (response.status_code, response.json().get("error")) == (status, error), response.text
    return dict(response.json())


@pytest.mark.requirement("RFC9449-5")
def test_a_code_with_a_proof_is_answered_by_bound_tokens(provider: Provider, wallet: FakeWallet) -> None:
    tokens = sign_in(provider, wallet)
    assert tokens["token_type"] == "DPoP"
    assert parts(tokens["access_token"])[1]["cnf"] == {"jkt": wallet.jkt}
    assert "cnf" not in parts(tokens["id_token"])[1]


def test_without_a_proof_all_is_as_it_was(provider: Provider) -> None:
    tokens = provider.sign_in()
    assert tokens["token_type"] == "Bearer"
    assert "cnf" not in parts(tokens["access_token"])[1]


@pytest.mark.requirement("RFC9449-5")
def test_the_refresh_token_of_a_public_client_is_bound_to_its_key(provider: Provider, wallet: FakeWallet) -> None:
    first = sign_in(provider, wallet)["refresh_token"]
    assert refused(refresh(provider, first))["error_description"].startswith("The refresh token is bound to a key")
    refused(refresh(provider, first, FakeWallet(clock=provider.clock).proof("POST", TOKEN)))
    answer = refresh(provider, first, wallet.proof("POST", TOKEN))
    assert answer.status_code == 200, "nothing was used up, and nobody was taken for a thief"
    assert answer.json()["token_type"] == "DPoP"
    assert "refresh_token_reuse" not in provider.events()


def test_a_confidential_client_may_change_its_key(provider: Provider, wallet: FakeWallet, browser: Browser) -> None:
    page = browser.enter_password(browser.open(**{**PARTNER, "scope": "openid offline_access"}), ALICE)
    code = answer_of(browser.press(page, "allow"))["code"]
    own = {"client_id": "partner-web", "client_secret": PARTNER_SECRET}
    tokens = redeem(provider, code, wallet.proof("POST", TOKEN), redirect_uri=PARTNER["redirect_uri"], **own).json()
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], **own}
    other = FakeWallet(clock=provider.clock)
    answer = post(provider, "/token", form, other.proof("POST", TOKEN)).json()
    assert parts(answer["access_token"])[1]["cnf"] == {"jkt": other.jkt}


def test_a_machine_binds_its_tokens(provider: Provider, wallet: FakeWallet) -> None:
    form = {"grant_type": "client_credentials"}
    answer = post(provider, "/token", form, wallet.proof("POST", TOKEN), authorization=seeded_basic("reports-job"))
    assert answer.json()["token_type"] == "DPoP"
    assert parts(answer.json()["access_token"])[1]["cnf"] == {"jkt": wallet.jkt}


def test_an_api_that_trades_a_bound_token_binds_what_it_gets_to_its_own_key_or_to_none(
    provider: Provider, wallet: FakeWallet
) -> None:
    subject = sign_in(provider, wallet, scope="openid crm:read orders:read orders:write")["access_token"]
    traded = provider.exchange(subject).json()
    assert (traded["token_type"], parts(traded["access_token"])[1].get("cnf")) == ("Bearer", None)


@pytest.mark.requirement("RFC9449-4.3")
@pytest.mark.parametrize("fault", sorted(set(FAULTS) - TOKEN_FAULTS))
def test_a_faulty_proof_costs_no_code(fault: str, provider: Provider, wallet: FakeWallet) -> None:
    code = code_of(provider.browser().sign_in(ALICE))
    answer = redeem(provider, code, wallet.proof("POST", TOKEN, fault=fault))
    refused(answer, "use_dpop_nonce" if fault in {"old", "from_the_future"} else "invalid_dpop_proof")
    assert redeem(provider, code, wallet.proof("POST", TOKEN)).status_code == 200


def test_two_proofs_are_none(provider: Provider, wallet: FakeWallet) -> None:
    code = code_of(provider.browser().sign_in(ALICE))
    refused(redeem(provider, code, wallet.proof("POST", TOKEN), wallet.proof("POST", TOKEN)))


@pytest.mark.requirement("RFC9449-11.1")
def test_a_proof_is_good_once(provider: Provider, wallet: FakeWallet) -> None:
    token, proof = sign_in(provider, wallet)["refresh_token"], wallet.proof("POST", TOKEN)
    successor = refresh(provider, token, proof).json()["refresh_token"]
    refused(refresh(provider, successor, proof))
    assert refresh(provider, successor, wallet.proof("POST", TOKEN)).status_code == 200


def test_the_host_header_says_nothing_of_the_address(provider: Provider, wallet: FakeWallet) -> None:
    code = code_of(provider.browser().sign_in(ALICE))
    provider.http.headers["Host"] = "evil.example"
    refused(redeem(provider, code, wallet.proof("POST", "http://evil.example/token")))
    assert redeem(provider, code, wallet.proof("POST", TOKEN)).status_code == 200


@pytest.mark.requirement("RFC9449-8")
@pytest.mark.parametrize("off_by", [DAY, -DAY])
def test_a_phone_whose_clock_is_off_by_a_day_signs_in_by_one_nonce(
    provider: Provider, clock: SettableClock, off_by: timedelta
) -> None:
    code = code_of(provider.browser().sign_in(ALICE))
    phone = FakeWallet(clock=SettableClock(clock.now() + off_by))
    answer = redeem(provider, code, phone.proof("POST", TOKEN))
    refused(answer, "use_dpop_nonce")
    nonce = answer.headers["DPoP-Nonce"]
    tokens = redeem(provider, code, phone.proof("POST", TOKEN, nonce=nonce)).json()
    answer = refresh(provider, tokens["refresh_token"], phone.proof("POST", TOKEN, nonce=nonce))
    assert answer.status_code == 200, "the nonce serves for some minutes"


def test_where_nonces_are_required_each_answer_brings_the_next(provider: Provider, wallet: FakeWallet) -> None:
    strict = provider.restarted(dpop_require_nonce=True)
    code = code_of(strict.browser().sign_in(ALICE))
    answer = redeem(strict, code, wallet.proof("POST", TOKEN))
    refused(answer, "use_dpop_nonce")
    answer = redeem(strict, code, wallet.proof("POST", TOKEN, nonce=answer.headers["DPoP-Nonce"]))
    assert answer.status_code == 200
    answer = refresh(
        strict, answer.json()["refresh_token"], wallet.proof("POST", TOKEN, nonce=answer.headers["DPoP-Nonce"])
    )
    assert answer.status_code == 200
    assert "DPoP-Nonce" not in strict.machine().headers, "who sends no proof needs none"


@pytest.mark.requirement("RFC9449-10")
def test_dpop_jkt_binds_the_code(provider: Provider, wallet: FakeWallet) -> None:
    code = code_of(provider.browser().sign_in(ALICE, dpop_jkt=wallet.jkt))
    refused(redeem(provider, code))
    refused(redeem(provider, code, FakeWallet(clock=provider.clock).proof("POST", TOKEN)))
    assert redeem(provider, code, wallet.proof("POST", TOKEN)).status_code == 200


def test_a_dpop_jkt_that_is_no_thumbprint_is_refused(browser: Browser) -> None:
    answer = answer_of(browser.authorize(dpop_jkt="short"))
    assert answer["error"] == "invalid_request"


@pytest.mark.requirement("RFC9449-10.1")
def test_a_pushed_request_with_a_proof_binds_its_code(provider: Provider, wallet: FakeWallet) -> None:
    form = {**REQUEST, **PARTNER, "client_secret": PARTNER_SECRET}
    pushed = post(provider, "/par", form, wallet.proof("POST", f"{ISSUER}/par"))
    assert pushed.status_code == 201, pushed.text
    browser = provider.browser()
    opened = {"client_id": "partner-web", "request_uri": pushed.json()["request_uri"]}
    page = browser.follow(browser.http.get("/authorize", params=opened))
    code = answer_of(browser.press(browser.enter_password(page, ALICE), "allow"))["code"]
    own = {"client_id": "partner-web", "client_secret": PARTNER_SECRET, "redirect_uri": PARTNER["redirect_uri"]}
    refused(redeem(provider, code, **own))
    assert redeem(provider, code, wallet.proof("POST", TOKEN), **own).status_code == 200


def test_a_pushed_request_may_not_name_another_key(provider: Provider, wallet: FakeWallet) -> None:
    form = {**REQUEST, **PARTNER, "client_secret": PARTNER_SECRET, "dpop_jkt": "x" * 43}
    refused(post(provider, "/par", form, wallet.proof("POST", f"{ISSUER}/par")))
    form["dpop_jkt"] = wallet.jkt
    assert post(provider, "/par", form, wallet.proof("POST", f"{ISSUER}/par")).status_code == 201


def _register(provider: Provider, bound: str) -> None:
    provider.sql(
        "UPDATE clients SET metadata = json_set(metadata, '$.dpop_bound_access_tokens', json(:bound))"
        " WHERE client_id = 'mobile-app'",
        bound=bound,
    )


@pytest.mark.requirement("RFC9449-5.2")
def test_a_client_that_must_bind_its_tokens_gets_none_without_a_proof(provider: Provider, wallet: FakeWallet) -> None:
    _register(provider, "true")
    code = code_of(provider.browser().sign_in(ALICE))
    assert refused(redeem(provider, code))["error_description"] == "This client must send a DPoP proof."
    assert redeem(provider, code, wallet.proof("POST", TOKEN)).status_code == 200


def test_a_client_without_dpop_is_answered_as_if_it_sent_no_proof(provider: Provider, wallet: FakeWallet) -> None:
    _register(provider, "false")
    code = code_of(provider.browser().sign_in(ALICE, dpop_jkt=wallet.jkt))
    answer = redeem(provider, code, wallet.proof("POST", TOKEN, fault="old"))
    assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")


@pytest.mark.requirement("RFC9449-7.1")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_userinfo_takes_a_bound_token_with_a_proof(provider: Provider, wallet: FakeWallet, method: str) -> None:
    token = sign_in(provider, wallet)["access_token"]
    proof = wallet.proof(method, USERINFO, access_token=token)
    assert userinfo(provider, method, token, proof).status_code == 200
    answer = userinfo(provider, method, token, proof)
    refused(answer, status=401)
    assert answer.headers["www-authenticate"].startswith('DPoP realm="auth", error="invalid_dpop_proof"')
    assert 'algs="ES256 RS256 PS256 EdDSA"' in answer.headers["www-authenticate"]


@pytest.mark.requirement("RFC9449-7.2")
def test_userinfo_refuses_a_downgrade(provider: Provider, wallet: FakeWallet) -> None:
    token = sign_in(provider, wallet)["access_token"]
    refused(userinfo(provider, "GET", token, None, "Bearer"), "invalid_token", 401)
    proof = wallet.proof("GET", USERINFO, access_token=token)
    refused(userinfo(provider, "GET", token, proof, "Bearer"), "invalid_token", 401)
    refused(post(provider, "/userinfo", {"access_token": token}), "invalid_token", 401)
    plain = provider.sign_in()["access_token"]
    proof = wallet.proof("GET", USERINFO, access_token=plain)
    refused(userinfo(provider, "GET", plain, proof), "invalid_token", 401)


@pytest.mark.parametrize("fault", FAULTS)
def test_userinfo_refuses_every_faulty_proof(fault: str, provider: Provider, wallet: FakeWallet) -> None:
    token = sign_in(provider, wallet)["access_token"]
    answer = userinfo(provider, "GET", token, wallet.proof("GET", USERINFO, access_token=token, fault=fault))
    late = fault in {"old", "from_the_future"}
    refused(answer, "use_dpop_nonce" if late else "invalid_dpop_proof", 401)
    assert ("DPoP-Nonce" in answer.headers) == late


def test_introspection_tells_the_key(provider: Provider, wallet: FakeWallet) -> None:
    answer = provider.introspect(sign_in(provider, wallet)["access_token"]).json()
    assert (answer["token_type"], answer["cnf"]) == ("DPoP", {"jkt": wallet.jkt})
    answer = provider.introspect(provider.sign_in()["access_token"]).json()
    assert (answer["token_type"], "cnf" in answer) == ("Bearer", False)


@pytest.mark.requirement("RFC9449-5.1")
def test_discovery_lists_the_algorithms(provider: Provider) -> None:
    document = provider.http.get("/.well-known/openid-configuration").json()
    assert document["dpop_signing_alg_values_supported"] == ["ES256", "RS256", "PS256", "EdDSA"]


def test_a_lost_answer_in_a_bound_family_may_be_retried_for_as_long_as_nobody_went_on(
    provider: Provider, clock: SettableClock, wallet: FakeWallet
) -> None:
    """A phone that froze in the middle of a refresh: no window, for a thief has no key."""
    first = sign_in(provider, wallet)["refresh_token"]
    lost = refresh(provider, first, wallet.proof("POST", TOKEN)).json()["refresh_token"]
    clock.advance(hours=5)
    again = refresh(provider, first, wallet.proof("POST", TOKEN), agent="Phone/2")
    assert (again.status_code, again.json()["refresh_token"]) == (200, lost)
    assert refresh(provider, lost, wallet.proof("POST", TOKEN)).status_code == 200
    refused(refresh(provider, first, wallet.proof("POST", TOKEN)), "invalid_grant")
    assert "refresh_token_reuse" in provider.events(), "the successor was used: two hold the key, or one is a copy"
