"""Requests to /token: every grant, its successes and its refusals."""

from tests.integration.auth.provider import basic, code_of, seeded_basic
from tests.integration.auth.recorded.recorder import Chapter, Scene
from tests.integration.auth.seeds import (
    APP_LINK,
    BOB,
    CAROL,
    CRM,
    DEEP_LINK,
    LOOPBACK,
    ORDERS,
    PARTNER_CALLBACK,
    PORTAL_SECRET,
    VERIFIER,
)

PORTAL = {
    "client_id": "portal",
    "redirect_uri": "https://portal.company.localhost/callback?tenant=1",
    "scope": "openid offline_access",
}
STRICT = {"client_id": "strict-app", "redirect_uri": "https://strict.company.localhost/callback"}
DISABLE = "UPDATE clients SET disabled_at = '2030-01-01 00:00:00' WHERE client_id = :client"
ENABLE = "UPDATE clients SET disabled_at = NULL"


def _code(scene: Scene, **changes: str | None) -> str:
    return code_of(scene.quiet.browser().sign_in(**changes))


def code_refusals(scene: Scene) -> None:
    """What is wrong with a redemption, each time with the same code; at the end it is still good."""
    code = _code(scene)
    cases: list[tuple[str, dict[str, str | None]]] = [
        ("no verifier", {"code_verifier": None}),
        ("an empty verifier", {"code_verifier": ""}),
        ("a verifier of 42 characters", {"code_verifier": VERIFIER[:42]}),
        ("a verifier of 129 characters", {"code_verifier": "v" * 129}),
        ("a verifier outside ASCII", {"code_verifier": VERIFIER[:-1] + "\u00e4"}),
        ("a wrong verifier", {"code_verifier": VERIFIER + "x"}),
        ("another address", {"redirect_uri": LOOPBACK}),
        ("the address and a slash", {"redirect_uri": DEEP_LINK + "/"}),
        ("an empty address", {"redirect_uri": "", "code_verifier": None}),
        ("another client", {"client_id": "other-app"}),
        ("an unknown client", {"client_id": "nobody"}),
        ("no client", {"client_id": None}),
        ("an empty client", {"client_id": ""}),
        ("a public client with a secret", {"client_secret": "x"}),
        ("no code", {"code": None}),
        ("an empty code", {"code": ""}),
        ("an unknown code", {"code": "A" * 43}),
        ("a code outside ASCII", {"code": "\u00e4\u00f6"}),
        ("an unknown resource", {"resource": "https://evil.example"}),
        ("a resource that is not an address", {"resource": "x"}),
        ("no grant", {"grant_type": None}),
        ("an empty grant", {"grant_type": ""}),
        ("the password grant", {"grant_type": "password"}),
        ("a grant with quotes", {"grant_type": 'x"y\\'}),
        ("a machine's grant for an app", {"grant_type": "client_credentials"}),
        ("token exchange for an app", {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}),
        ("a refresh without a token", {"grant_type": "refresh_token"}),
    ]
    for name, changes in cases:
        scene(name).redeem(**{"code": code, **changes})  # type: ignore[arg-type] # None leaves it out
    scene.quiet.sql(DISABLE, client="mobile-app")
    scene.clock.advance(seconds=11)
    scene("a disabled client").redeem(code)
    scene.quiet.sql(ENABLE)
    scene.clock.advance(seconds=11)
    scene("at last the right one").redeem(code)


def code_answers(scene: Scene) -> None:
    """Codes that are redeemed, and what is in the tokens."""
    code = _code(scene)
    tokens = scene("a code").redeem(code).json()
    scene("a replayed code").redeem(code)
    scene("its refresh token is dead").refresh(tokens["refresh_token"])
    code = _code(scene)
    scene("an OAuth 2.1 client leaves out the address").redeem(code, redirect_uri=None)
    code = _code(scene, scope="crm:read")
    scene("without openid and offline_access").redeem(code)
    code = _code(scene, scope="openid")
    scene("without a scope of an API").redeem(code)
    code = code_of(scene.quiet.browser().sign_in(BOB))
    scene("a second factor").redeem(code)
    code = code_of(scene.quiet.browser().sign_in(CAROL, nonce=None))
    scene("a role, and no nonce").redeem(code)
    code = _code(scene, resource=CRM + "/")
    scene("a code for one resource").redeem(code)
    code = _code(scene, resource=CRM)
    scene("a resource outside the code's").redeem(code, resource=ORDERS)
    code = _code(scene)
    scene("narrowed to one resource").redeem(code, resource=ORDERS)
    code = _code(scene)
    raw = f"grant_type=authorization_code&code={code}&client_id=mobile-app&code_verifier={VERIFIER}"
    scene.form("two resources", "/token", f"{raw}&resource={CRM}&resource={ORDERS}")
    code = _code(scene, redirect_uri=LOOPBACK)
    scene("a loopback address").redeem(code, redirect_uri=LOOPBACK)
    code = _code(scene, **STRICT, scope="openid crm:read")
    scene("lifetimes of its own").redeem(code, **STRICT)
    claims = '{"id_token":{"name":null,"email":{"essential":true}},"userinfo":{"given_name":null}}'
    code = _code(scene, claims=claims)
    tokens = scene("claims asked for").redeem(code).json()
    scene("claims asked for at /userinfo").userinfo(tokens["access_token"])
    code = _code(scene)
    scene.clock.advance(seconds=59.9)
    scene("after 59.9 seconds").redeem(code)
    code = _code(scene)
    scene.clock.advance(seconds=60)
    scene("after 60 seconds").redeem(code)
    for name, statement in (
        ("a disabled user", "UPDATE users SET disabled_at = '2030-01-01 00:00:00' WHERE username = 'alice'"),
        ("an ended session", "UPDATE browser_sessions SET ended_at = '2030-01-01 12:00:00'"),
    ):
        code = _code(scene)
        scene.quiet.sql(statement)
        scene(name).redeem(code)
        scene.quiet.sql("UPDATE users SET disabled_at = NULL")


def code_confidential(scene: Scene) -> None:
    """Codes of clients with a secret, with PKCE and without."""
    post = {"client_id": "portal", "client_secret": PORTAL_SECRET, "redirect_uri": PORTAL["redirect_uri"]}
    header = basic("portal", PORTAL_SECRET)
    without = {"code_challenge": None, "code_challenge_method": None}
    code = _code(scene, **{**PORTAL, **without})
    scene("without PKCE, no address").redeem(code, **{**post, "redirect_uri": None}, code_verifier=None)
    scene("without PKCE, a verifier").redeem(code, **post)
    scene("without PKCE").redeem(code, **post, code_verifier=None)
    code = _code(scene, **PORTAL)
    scene("with a challenge, no verifier").redeem(code, **post, code_verifier=None)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": PORTAL["redirect_uri"]}
    scene("by header").post("/token", {**form, "code_verifier": VERIFIER}, Authorization=header)
    partner = {"client_id": "partner-web", "redirect_uri": PARTNER_CALLBACK, "scope": "openid profile crm:read"}
    browser = scene.quiet.browser()
    code = code_of(browser.press(browser.sign_in(**partner), "allow"))
    scene("a third party without its secret").redeem(code, client_id="partner-web", redirect_uri=PARTNER_CALLBACK)
    scene("a third party").redeem_as_partner(code)


def refresh(scene: Scene) -> None:
    """Rotation, retry, reuse, narrowing, and what ends a family."""
    first = scene.quiet.sign_in()["refresh_token"]
    for name, changes in (
        ("no token", {"refresh_token": None}),
        ("an empty token", {"refresh_token": ""}),
        ("a token that is none", {"refresh_token": "x"}),
        ("a token of ours, altered", {"refresh_token": first[:-4] + "AAAA"}),
        ("another client", {"client_id": "other-app"}),
        ("another client, narrowing", {"client_id": "other-app", "scope": "openid"}),
        ("a client without the grant", {"client_id": "swagger"}),
        ("an unknown client", {"client_id": "nobody"}),
        ("a scope outside the grant", {"scope": "openid orders:write"}),
        ("an unknown scope", {"scope": "nonsense"}),
        ("an unknown resource", {"resource": "https://evil.example"}),
    ):
        scene(name).refresh(**{"refresh_token": first, **changes})
    second = scene("a rotation").refresh(first).json()["refresh_token"]
    scene("a retry in the window").refresh(first)
    scene("fewer scopes").refresh(second, scope="openid crm:read")
    third = scene.quiet.refresh(second).json()["refresh_token"]
    third = scene("one resource").refresh(third, resource=CRM).json()["refresh_token"]
    both = f"grant_type=refresh_token&client_id=mobile-app&refresh_token={third}&resource={CRM}&resource={ORDERS}"
    third = scene.form("two resources", "/token", both).json()["refresh_token"]
    scene("openid alone").refresh(third, scope="openid")
    scene.clock.advance(hours=1)
    scene("reuse after the window").refresh(first)
    scene("the family is over").refresh(third)
    token = scene.quiet.sign_in()["refresh_token"]
    scene.clock.advance(days=400)
    scene("too old").refresh(token)
    token = scene.quiet.sign_in(**STRICT, scope="openid offline_access crm:read")["refresh_token"]
    second = scene("without a window, a rotation").refresh(token, client_id="strict-app").json()["refresh_token"]
    scene("without a window, a retry").refresh(token, client_id="strict-app")
    scene("without a window, the newest").refresh(second, client_id="strict-app")
    token = scene.quiet.sign_in()["refresh_token"]
    scene.quiet.sql("UPDATE users SET disabled_at = '2030-01-01 00:00:00' WHERE username = 'alice'")
    scene("a disabled user, without a revocation").refresh(token)
    scene.quiet.sql("UPDATE users SET disabled_at = NULL")
    scene.quiet.sql(DISABLE, client="mobile-app")
    scene.clock.advance(seconds=11)
    scene("a disabled client").refresh(token)


def client_credentials(scene: Scene) -> None:
    """Machines."""
    scene("all its scopes").machine()
    for name, form in (
        ("one scope", {"scope": "crm:read:all"}),
        ("a person's scope", {"scope": "crm:read"}),
        ("a known and an unknown one", {"scope": "crm:read:all nonsense"}),
        ("an unknown one", {"scope": "nonsense"}),
        ("one that is not registered", {"scope": "crm:write"}),
        ("openid", {"scope": "openid"}),
        ("an empty one", {"scope": ""}),
        ("one resource", {"resource": CRM}),
        ("two resources", {"resource": [CRM, ORDERS]}),
        ("a resource outside the scope", {"resource": ORDERS, "scope": "crm:read:all"}),
        ("an unknown resource", {"resource": "https://evil.example"}),
    ):
        scene(name).machine(**form)
    scene("by post").post(
        "/token",
        {
            "grant_type": "client_credentials",
            "client_id": "reports-job",
            "client_secret": "reports-job-secret-for-local-use-only",
        },
    )
    scene("without the grant").machine("partner-web")
    scene("without any grant").machine("crm-api")
    scene("with a code").machine(grant_type="authorization_code", code="x")
    scene("a wrong secret").post(
        "/token", {"grant_type": "client_credentials"}, Authorization=basic("reports-job", "wrong")
    )
    scene.quiet.sql(DISABLE, client="reports-job")
    scene("disabled a moment ago").machine()
    scene.clock.advance(seconds=11)
    scene("disabled").machine()


def token_exchange(scene: Scene) -> None:
    """What an API trades its caller's token for."""
    tokens = scene.quiet.sign_in()
    subject = tokens["access_token"]
    traded = scene("a caller's token").exchange(subject).json()["access_token"]
    access_token = "urn:ietf:params:oauth:token-type:access_token"
    for name, changes in (
        ("a scope", {"scope": "crm:read"}),
        ("the requested type named", {"requested_token_type": access_token}),
        ("a scope that is not its own", {"scope": "crm:write"}),
        ("an unknown scope", {"scope": "nonsense"}),
        ("a scope of another API", {"scope": "orders:read"}),
        ("no subject", {"subject_token": None}),
        ("a subject that is not a token", {"subject_token": "x"}),
        ("an ID token as subject", {"subject_token": tokens["id_token"]}),
        ("a refresh token as subject", {"subject_token": tokens["refresh_token"]}),
        ("a traded token as subject", {"subject_token": traded}),
        ("no subject type", {"subject_token_type": None}),
        ("another subject type", {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}),
        ("another requested type", {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}),
        ("an actor token", {"actor_token": "x"}),
        ("an actor token's type", {"actor_token_type": access_token}),
        ("an audience", {"audience": CRM}),
        ("no resource", {"resource": None}),
        ("an unknown resource", {"resource": "https://evil.example"}),
        ("a resource that it may not reach", {"resource": ORDERS}),
        ("two resources", {"resource": [CRM, ORDERS]}),
        ("the same resource twice", {"resource": [CRM, CRM + "/"]}),
    ):
        scene(name).exchange(subject, **changes)
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": subject}
    form |= {"subject_token_type": access_token, "resource": CRM}
    scene("another API").post("/token", form, Authorization=seeded_basic("crm-api"))
    scene("an app").post("/token", {**form, "client_id": "mobile-app"})
    machine = scene.quiet.machine().json()["access_token"]
    scene("a machine's token as subject").exchange(machine)
    narrow = scene.quiet.sign_in(scope="openid crm:read", redirect_uri=APP_LINK)["access_token"]
    scene("a token for another API as subject").exchange(narrow)
    scene.quiet.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})
    scene("an ended subject").exchange(subject)
    subject = scene.quiet.sign_in()["access_token"]
    scene.clock.advance(minutes=16)
    scene("an expired subject").exchange(subject)


CHAPTERS: dict[str, Chapter] = {
    "a code that is refused": code_refusals,
    "a code": code_answers,
    "a code of a client with a secret": code_confidential,
    "refresh_token": refresh,
    "client_credentials": client_credentials,
    "token exchange": token_exchange,
}
