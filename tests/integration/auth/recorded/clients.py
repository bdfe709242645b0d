"""Requests of clients: how they authenticate, how a form may look, and /revoke, /introspect, /par, /userinfo."""

import base64
from secrets import token_hex
from typing import Any

from tests.integration.auth.provider import basic, seeded_basic
from tests.integration.auth.recorded.grants import DISABLE
from tests.integration.auth.recorded.recorder import Chapter, Scene
from tests.integration.auth.seeds import (
    ASSERTION_KEY,
    BANK_SECRET,
    CHALLENGE,
    CRM,
    HTTP_ISSUER,
    PARTNER,
    PARTNER_SECRET,
    PORTAL_SECRET,
    REQUEST,
)
from tests.support.assertions import claims_for, signed

_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _b64(pair: bytes) -> str:
    return "Basic " + base64.b64encode(pair).decode()


def authentication(scene: Scene) -> None:
    """By the registered method, and by one alone."""
    portal = basic("portal", PORTAL_SECRET)
    cases: list[tuple[str, str | None, dict[str, str]]] = [
        ("a wrong secret", basic("portal", "wrong"), {}),
        ("an empty secret", basic("portal", ""), {}),
        ("an unknown client", basic("nobody", PORTAL_SECRET), {}),
        ("a public client by header", basic("mobile-app", ""), {}),
        ("header and secret", portal, {"client_secret": PORTAL_SECRET}),
        ("header and another client_id", portal, {"client_id": "mobile-app"}),
        ("header and the same client_id", portal, {"client_id": "portal"}),
        ("header alone", portal, {}),
        ("a lower-case scheme", portal.replace("Basic", "bASIC"), {}),
        ("Basic alone", "Basic", {}),
        ("not base64", "Basic !!!", {}),
        ("not UTF-8", _b64(b"portal:\xff\xfe"), {}),
        ("a NUL", _b64(b"portal:%00"), {}),
        ("no colon", _b64(b"no colon"), {}),
        ("outside ASCII", "Basic \u00e4\u00f6", {}),
        ("an empty header", "", {}),
        ("Bearer", "Bearer x", {}),
        ("a secret that is missing", None, {"client_id": "portal"}),
        ("a wrong secret by post", None, {"client_id": "portal", "client_secret": "wrong"}),
        ("a secret without a client", None, {"client_secret": "x"}),
        (
            "post where only the header is registered",
            None,
            {"client_id": "orders-api", "client_secret": "orders-api-secret-for-local-use-only"},
        ),
        ("nothing", None, {}),
        ("an assertion of an unknown type", None, {"client_assertion": "x", "client_assertion_type": "y"}),
        ("an assertion that is none", None, {"client_assertion": "x", "client_assertion_type": _JWT_BEARER}),
        ("an assertion type alone", None, {"client_assertion_type": _JWT_BEARER}),
        ("an assertion without its type", None, {"client_assertion": "x"}),
        ("header and assertion", portal, {"client_assertion": "x"}),
        ("header and assertion type", portal, {"client_assertion_type": _JWT_BEARER}),
        ("secret and assertion", None, {"client_id": "portal", "client_secret": "y", "client_assertion": "x"}),
        ("a signer without an assertion", None, {"client_id": "batch-signer"}),
        ("a signer with a secret", basic("batch-signer", ""), {}),
    ]
    for name, header, changes in cases:
        headers = [] if header is None else [(b"Authorization", header.encode("latin-1"))]
        form = {"grant_type": "authorization_code", "code": "x", **changes}
        scene(name).http.post("/token", data=form, headers=headers)


def assertions(scene: Scene) -> None:
    """private_key_jwt."""

    def proof(client_id: str = "batch-signer", **claims: Any) -> dict[str, str]:
        content = claims_for(client_id, scene.clock.now(), **{"jti": token_hex(8), **claims})
        return {"client_assertion": signed(content, ASSERTION_KEY), "client_assertion_type": _JWT_BEARER}

    form = {"grant_type": "client_credentials", "scope": "crm:read"}
    once = proof()
    scene("an assertion").post("/token", {**form, **once})
    scene("it is replayed").post("/token", {**form, **once})
    scene("with another client_id").post("/token", {**form, **proof(), "client_id": "portal"})
    scene("its audience is another endpoint").post("/token", {**form, **proof(aud=f"{HTTP_ISSUER}/introspect")})
    scene("its audience is somebody else").post("/token", {**form, **proof(aud="https://evil.example")})
    scene("it is for the issuer alone").post("/token", {**form, **proof("strict-signer", aud=f"{HTTP_ISSUER}/token")})
    scene("it has no jti").post("/token", {**form, **proof(jti=None)})
    scene("it lasts for ever").post("/token", {**form, **proof(exp=9_999_999_999)})
    scene("at /introspect").post("/introspect", {"token": "x", **proof()})
    scene("at /revoke").post("/revoke", {"token": "x", **proof()})


def forms(scene: Scene) -> None:
    """How a body may look, at each endpoint that reads one."""
    whole = "grant_type=refresh_token&refresh_token=x&client_id=mobile-app&token=x"
    for path in ("/token", "/revoke", "/introspect", "/par"):
        scene.form(f"{path}: a repeated parameter", path, f"{whole}&client_id=mobile-app")
        scene.form(f"{path}: a NUL", path, f"{whole}&x=%00")
        scene.form(f"{path}: escapes that are not UTF-8", path, f"{whole}&x=%ff")
        scene.form(f"{path}: bytes that are not ASCII", path, whole.encode() + b"&x=\xff")
        scene.form(f"{path}: 101 parameters", path, whole + "&" + "&".join(f"p{n}=1" for n in range(97)))
        scene.form(f"{path}: JSON", path, "{}", Content_Type="application/json")
        scene.form(f"{path}: no body", path, "")
        scene.ask(f"{path}: GET", "GET", path)
        scene.ask(f"{path}: HEAD", "HEAD", path)
        scene.ask(f"{path}: OPTIONS", "OPTIONS", path)
    scene.form("100 parameters", "/token", whole + "&" + "&".join(f"p{n}=1" for n in range(96)))
    scene.form("a repeated unknown parameter", "/token", f"{whole}&x=1&x=2")
    scene.form("a parameter that is empty the second time", "/token", f"{whole}&client_id=")
    scene.form("a charset", "/token", whole, Content_Type="Application/X-WWW-Form-Urlencoded; charset=UTF-8")
    scene.form("no = in it", "/token", "nonsense")
    scene.form("a body of 70000 bytes", "/token", "x=" + "y" * 70_000)
    scene("parameters in the query").http.post(f"/token?{whole}")
    scene("multipart").http.post("/token", data={"grant_type": "refresh_token"}, files={"x": b""})
    scene.ask("PUT", "PUT", "/token")
    scene.ask("a slash at the end", "POST", "/token/")


def revoke(scene: Scene) -> None:
    """What a client ends, and what it may not end."""
    app = {"client_id": "mobile-app"}
    tokens = scene.quiet.sign_in()
    scene("no token").post("/revoke", app)
    scene("an empty token").post("/revoke", {**app, "token": ""})
    scene("no client").post("/revoke", {"token": tokens["refresh_token"]})
    scene("a wrong secret").post("/revoke", {"token": "x"}, Authorization=basic("portal", "wrong"))
    scene("an unknown token").post("/revoke", {**app, "token": "x"})
    scene("another client's token").post("/revoke", {"client_id": "other-app", "token": tokens["refresh_token"]})
    scene("another client's access token").post("/revoke", {"client_id": "other-app", "token": tokens["access_token"]})
    traded = scene.quiet.exchange(tokens["access_token"]).json()["access_token"]
    scene("a traded token").post("/revoke", {"token": traded}, Authorization=seeded_basic("orders-api"))
    scene("a traded token, by the first client").post("/revoke", {**app, "token": traded})
    scene("an ID token").post("/revoke", {**app, "token": tokens["id_token"]})
    scene("a wrong hint").post("/revoke", {**app, "token": tokens["refresh_token"], "token_type_hint": "access_token"})
    scene("again").post("/revoke", {**app, "token": tokens["refresh_token"]})
    scene("the family is over").refresh(tokens["refresh_token"])
    scene("and so is the access token").userinfo(tokens["access_token"])
    tokens = scene.quiet.sign_in()
    scene("an access token").post("/revoke", {**app, "token": tokens["access_token"], "token_type_hint": "x"})
    scene("its refresh token is over").refresh(tokens["refresh_token"])
    machine = scene.quiet.machine().json()["access_token"]
    scene("a machine's, by another").post("/revoke", {**app, "token": machine})
    scene("a machine's").post("/revoke", {"token": machine}, Authorization=seeded_basic("reports-job"))
    scene("a machine's, again").post("/revoke", {"token": machine}, Authorization=seeded_basic("reports-job"))
    scene("it is over").introspect(machine)


def introspect(scene: Scene) -> None:
    """What an API is told."""
    tokens = scene.quiet.sign_in()
    access = tokens["access_token"]
    scene("a live token").introspect(access)
    scene("with a hint").introspect(access, token_type_hint="refresh_token")
    scene("by the other API").introspect(access, by="orders-api")
    scene("no token").introspect("")
    scene("a token that is none").introspect("x")
    scene("a refresh token").introspect(tokens["refresh_token"])
    scene("an ID token").introspect(tokens["id_token"])
    scene("an altered one").introspect(access[:-6] + "AAAAAA")
    scene("by who may not ask").introspect(access, by="reports-job")
    scene("by an app").post("/introspect", {"token": access, "client_id": "mobile-app"})
    scene("by nobody").post("/introspect", {"token": access})
    scene("a wrong secret").post("/introspect", {"token": access}, Authorization=basic("crm-api", "wrong"))
    traded = scene.quiet.exchange(access).json()["access_token"]
    scene("a traded one").introspect(traded)
    scene("a traded one, by who traded it").introspect(traded, by="orders-api")
    scene("a machine's").introspect(scene.quiet.machine().json()["access_token"])
    scene("a machine's for one API").introspect(
        scene.quiet.machine(resource=CRM).json()["access_token"], by="orders-api"
    )
    scene.quiet.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})
    scene("an ended one").introspect(access)
    late = scene.quiet.sign_in()["access_token"]
    scene.clock.advance(minutes=16)
    scene("an expired one").introspect(late)


def par(scene: Scene) -> None:
    """Pushed requests: every refusal of /authorize, told to the client."""
    scene("a request").push()
    cases: list[tuple[str, dict[str, str | None]]] = [
        ("by an app", {"client_id": "mobile-app", "client_secret": None, "redirect_uri": "myapp://callback"}),
        ("no secret", {"client_secret": None}),
        ("a wrong secret", {"client_secret": "wrong"}),
        ("an unknown client", {"client_id": "nobody"}),
        ("a request_uri", {"request_uri": "urn:ietf:params:oauth:request_uri:x"}),
        ("a request object", {"request": "x"}),
        ("no address", {"redirect_uri": None}),
        ("another address", {"redirect_uri": "https://evil.example/"}),
        ("no response_type", {"response_type": None}),
        ("another response_type", {"response_type": "token"}),
        ("no challenge", {"code_challenge": None}),
        ("plain", {"code_challenge_method": "plain"}),
        ("no method", {"code_challenge_method": None}),
        ("a short challenge", {"code_challenge": CHALLENGE[:-1]}),
        ("an unknown scope", {"scope": "nonsense"}),
        ("a scope that is not registered", {"scope": "openid orders:write"}),
        ("no scope", {"scope": None}),
        ("an unknown resource", {"resource": "https://evil.example"}),
        ("a bad prompt", {"prompt": "none login"}),
        ("a bad max_age", {"max_age": "-1"}),
        ("bad claims", {"claims": "{"}),
        ("a long state", {"state": "s" * 4097}),
        ("a bad hint", {"id_token_hint": "x"}),
    ]
    for name, changes in cases:
        scene(name).push(**changes)
    form = {**REQUEST, **PARTNER}
    scene("by header").post("/par", form, Authorization=basic("partner-web", PARTNER_SECRET))
    del form["client_id"]
    scene("by header alone").post("/par", form, Authorization=basic("partner-web", PARTNER_SECRET))
    scene("a wrong secret by header").post("/par", form, Authorization=basic("partner-web", "wrong"))
    bank = {"redirect_uri": "https://bank.company.localhost/callback", "scope": "openid crm:read"}
    header = basic("bank", BANK_SECRET)
    pushed = scene("who must push").post("/par", {**form, **bank}, Authorization=header).json()["request_uri"]
    browser = scene.browser()
    scene("who must push, at /authorize")
    browser.authorize(client_id="bank", **bank)
    scene("a pushed request at /authorize")
    browser.http.get("/authorize", params={"client_id": "bank", "request_uri": pushed})
    scene("again in another browser")
    scene.browser().http.get("/authorize", params={"client_id": "bank", "request_uri": pushed})
    pushed = scene.quiet.post("/par", {**form, **bank}, Authorization=header).json()["request_uri"]
    scene("another client's pushed request")
    scene.browser().http.get("/authorize", params={"client_id": "mobile-app", "request_uri": pushed})
    scene("a pushed request by POST")
    scene.browser().http.post("/authorize", data={"client_id": "bank", "request_uri": pushed, "state": "x"})
    scene.clock.advance(hours=1)
    scene("an expired one")
    scene.browser().http.get("/authorize", params={"client_id": "bank", "request_uri": pushed})
    scene("a request_uri that is not ours")
    scene.browser().authorize(request_uri="https://evil.example/request")


def userinfo(scene: Scene) -> None:
    """Who may ask about a person, and how."""
    tokens = scene.quiet.sign_in()
    token = tokens["access_token"]
    scene("a token").userinfo(token)
    scene("a token by form").post("/userinfo", {"access_token": token})
    scene("by header in a POST").post("/userinfo", {}, Authorization=f"Bearer {token}")
    scene("header and form").post("/userinfo", {"access_token": token}, Authorization=f"Bearer {token}")
    scene("nothing").post("/userinfo", {})
    scene.ask("no header", "GET", "/userinfo")
    scene.ask("Bearer alone", "GET", "/userinfo", Authorization="Bearer")
    scene.ask("another scheme", "GET", "/userinfo", Authorization="Basic eDp5")
    scene.ask("a token in the query", "GET", "/userinfo?access_token=x")
    scene.form("a repeated token", "/userinfo", "access_token=x&access_token=y")
    scene.form("a NUL", "/userinfo", "access_token=%00")
    scene("a token that is none").userinfo("x")
    scene("an ID token").userinfo(tokens["id_token"])
    scene("openid alone").userinfo(scene.quiet.sign_in(scope="openid")["access_token"])
    scene("without openid").userinfo(scene.quiet.sign_in(scope="crm:read")["access_token"])
    scene("a machine's").userinfo(scene.quiet.machine().json()["access_token"])
    scene("a traded one").userinfo(scene.quiet.exchange(token).json()["access_token"])
    scene.ask("HEAD", "HEAD", "/userinfo", Authorization=f"Bearer {token}")
    scene.ask("PUT", "PUT", "/userinfo")
    scene.quiet.sql(DISABLE, client="mobile-app")
    scene.clock.advance(seconds=11)
    scene("a disabled client").userinfo(token)
    scene.clock.advance(minutes=16)
    scene("an expired one").userinfo(token)


CHAPTERS: dict[str, Chapter] = {
    "client authentication": authentication,
    "client assertions": assertions,
    "forms": forms,
    "/revoke": revoke,
    "/introspect": introspect,
    "/par": par,
    "/userinfo": userinfo,
}
