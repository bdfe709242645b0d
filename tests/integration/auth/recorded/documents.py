"""Requests for what anybody may read, for CORS, and for addresses that are none; floods; and the same behind TLS."""

from tests.integration.auth.provider import code_of
from tests.integration.auth.recorded.recorder import Chapter, Scene
from tests.integration.auth.seeds import CRM

_DOCUMENTS = (
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/.well-known/assetlinks.json",
    "/.well-known/apple-app-site-association",
    "/status/0",
)


def documents(scene: Scene) -> None:
    """Every public document: GET, HEAD, 304 and the wrong method."""
    tokens = scene.quiet.sign_in()
    scene.quiet.post("/revoke", {"token": tokens["refresh_token"], "client_id": "mobile-app"})
    scene.clock.advance(seconds=11)
    for path in _DOCUMENTS:
        etag = scene.ask(f"{path}: GET", "GET", path).headers["etag"]
        scene.ask(f"{path}: it is known", "GET", path, If_None_Match=etag)
        scene.ask(f"{path}: another is known", "GET", path, If_None_Match='"x"')
        scene.ask(f"{path}: HEAD", "HEAD", path)
        scene.ask(f"{path}: POST", "POST", path)
        scene.ask(f"{path}: OPTIONS", "OPTIONS", path)
    for path in ("/status/9999", "/status/x", "/status/-1", "/status/", "/.well-known/nothing", "/nothing", "/"):
        scene.ask(path, "GET", path)
    for path in ("/livez", "/readyz", "/static/style.css", "/static/nothing", "/docs", "/openapi.json"):
        scene.ask(f"HEAD {path}", "HEAD", path)


def cors(scene: Scene) -> None:
    """Whose scripts may read what."""
    for path in (*_DOCUMENTS, "/token", "/revoke", "/userinfo", "/introspect", "/par", "/authorize", "/login"):
        asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "authorization"}
        scene.ask(f"{path}: preflight", "OPTIONS", path, Origin=CRM, **asked)
        scene.ask(f"{path}: a stranger's preflight", "OPTIONS", path, Origin="https://evil.example", **asked)
    for path in ("/.well-known/jwks.json", "/userinfo"):
        scene.ask(f"{path}: GET", "GET", path, Origin=CRM)
        scene.ask(f"{path}: a stranger's GET", "GET", path, Origin="https://evil.example")
    scene("a refusal").post("/token", {"grant_type": "nonsense"}, Origin=CRM)
    scene("a stranger's refusal").post("/token", {"grant_type": "nonsense"}, Origin="null")
    scene("a pretended 405").http.put("/token", headers={"Origin": CRM})


def floods(scene: Scene) -> None:
    """One request a network, then 429 in each address's own format."""
    for _ in range(2):
        scene("/token").refresh("x")
        scene("/revoke").post("/revoke", {"token": "x", "client_id": "mobile-app"})
        scene("/introspect").introspect("x")
        scene("/par").push()
        scene("/authorize")
        scene.browser().authorize(scope=None)


def behind_tls(scene: Scene) -> None:
    """Behind TLS the cookies are `__Host-`, and every address is https."""
    browser = scene.browser()
    scene("from link to code")
    answer = browser.sign_in()
    tokens = scene("a code").redeem(code_of(answer)).json()
    scene("/userinfo").userinfo(tokens["access_token"])
    scene("/logout")
    browser.http.get("/logout", params={"id_token_hint": tokens["id_token"]})
    scene.ask("discovery", "GET", _DOCUMENTS[0])
    scene("a machine").machine()


CHAPTERS: dict[str, Chapter] = {
    "documents": documents,
    "CORS": cors,
    "floods": floods,
    "behind TLS": behind_tls,
}
