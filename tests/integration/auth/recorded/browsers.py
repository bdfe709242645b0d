"""Requests of browsers that sign in: /authorize and its steps."""

from tests.integration.auth.logout_seeds import STATE
from tests.integration.auth.provider import code_of, hidden_fields
from tests.integration.auth.recorded.recorder import Chapter, Scene
from tests.integration.auth.seeds import ALICE, APP_LINK, BOB, CAROL, CHALLENGE, DEEP_LINK, PARTNER, REQUEST

_ASKED = {"redirect_uri": APP_LINK}


def authorize_pages(scene: Scene) -> None:
    """Without a good client and address nothing is redirected."""
    cases: list[tuple[str, dict[str, str | None]]] = [
        ("no client", {"client_id": None}),
        ("an empty client", {"client_id": ""}),
        ("an unknown client", {"client_id": "nobody"}),
        ("a client in capitals", {"client_id": "MOBILE-APP"}),
        ("no address", {"redirect_uri": None}),
        ("an evil address", {"redirect_uri": "https://evil.example/"}),
        ("a slash more", {"redirect_uri": "myapp://callback/"}),
        ("a query more", {"redirect_uri": "myapp://callback?x=1"}),
        ("localhost", {"redirect_uri": "http://localhost:8080/callback"}),
        ("a quote", {"redirect_uri": 'https://app.company.localhost/"'}),
    ]
    for name, changes in cases:
        scene(name)
        scene.browser().authorize(**changes)
    link = str(scene.quiet.browser().authorize().request.url)
    for name, more in (
        ("two clients", "&client_id=x"),
        ("two addresses", "&redirect_uri="),
        ("a NUL", "&x=%00"),
        ("not UTF-8", "&x=%ff"),
        ("101 parameters", "&x=1" * 101),
    ):
        scene(name)
        scene.browser().get(link + more)
    for name, address in (
        ("nothing", "/authorize"),
        ("an unknown handle", f"/authorize?request={'A' * 43}"),
        ("a handle and a client", f"/authorize?request={'A' * 43}&client_id=mobile-app"),
        (
            "an unknown pushed request",
            "/authorize?client_id=mobile-app&request_uri=urn:ietf:params:oauth:request_uri:x",
        ),
    ):
        scene(name)
        scene.browser().get(address)


def authorize_refusals(scene: Scene) -> None:
    """What the client is told by a redirect."""
    tokens = scene.quiet.sign_in()
    cases: list[tuple[str, dict[str, str | None]]] = [
        ("no response_type", {"response_type": None}),
        ("token", {"response_type": "token"}),
        ("code and token", {"response_type": "code token"}),
        ("a quote in it", {"response_type": 'code"'}),
        ("no challenge", {"code_challenge": None}),
        ("no challenge and no method", {"code_challenge": None, "code_challenge_method": None}),
        ("no method", {"code_challenge_method": None}),
        ("plain", {"code_challenge_method": "plain"}),
        ("a short challenge", {"code_challenge": CHALLENGE[:-1]}),
        ("a challenge with padding", {"code_challenge": CHALLENGE[:-1] + "="}),
        ("no scope", {"scope": None}),
        ("an unknown scope", {"scope": "nonsense"}),
        ("a scope that is not registered", {"scope": "openid crm:read:all"}),
        ("an unknown resource", {"resource": "https://evil.example"}),
        ("a resource without its scope", {"resource": "http://localhost:9002", "scope": "openid crm:read"}),
        ("none and login", {"prompt": "none login"}),
        ("prompt=none", {"prompt": "none"}),
        ("a bad max_age", {"max_age": "soon"}),
        ("bad claims", {"claims": "{"}),
        ("claims that are a list", {"claims": "[]"}),
        ("a long state", {"state": "s" * 4097}),
        ("a long nonce", {"nonce": "n" * 4097}),
        ("an odd state", {"state": STATE, "scope": None}),
        ("no state", {"state": None, "scope": None}),
        ("a request object", {"request": "x"}),
        ("a foreign request_uri", {"request_uri": "https://evil.example"}),
        ("an unknown response_mode", {"response_mode": "fragment"}),
        ("form_post to a deep link", {"response_mode": "form_post"}),
        ("form_post of an error", {"response_mode": "form_post", "redirect_uri": APP_LINK, "scope": None}),
        ("a hint that is none", {"id_token_hint": "x"}),
        ("a hint that is an access token", {"id_token_hint": tokens["access_token"]}),
        (
            "a hint and another sub",
            {"id_token_hint": tokens["id_token"], "claims": '{"id_token":{"sub":{"value":"x"}}}'},
        ),
    ]
    for name, changes in cases:
        scene(name)
        scene.browser().authorize(**changes)
    link = str(scene.quiet.browser().authorize().request.url)
    scene("two states")
    scene.browser().get(f"{link}&state=x")
    scene("a client without the grant")
    scene.browser().authorize(client_id="reports-job")


def authorize_steps(scene: Scene) -> None:
    """The whole way, by GET and POST, and what a session does to the next request."""
    browser = scene.browser()
    scene("from link to code")
    browser.sign_in(**_ASKED)
    for name, changes in (
        ("a session, prompt=none", {"prompt": "none"}),
        ("a session, silently", {}),
        ("a deep link asks to continue", {"redirect_uri": DEEP_LINK}),
        ("a deep link, prompt=none", {"redirect_uri": DEEP_LINK, "prompt": "none"}),
        ("prompt=login", {"prompt": "login"}),
        ("prompt=select_account", {"prompt": "select_account"}),
        ("prompt=consent", {"prompt": "consent"}),
        ("prompt=create", {"prompt": "create"}),
        ("max_age=0", {"max_age": "0"}),
        ("max_age=1000", {"max_age": "1000"}),
        ("form_post", {"response_mode": "form_post"}),
        ("form_post, prompt=none, nobody", {"response_mode": "form_post", "prompt": "none", "max_age": "0"}),
        ("a login_hint", {"prompt": "login", "login_hint": 'al"<ice>'}),
        ("a second factor wished for", {"acr_values": "urn:company:acr:mfa"}),
        (
            "a second factor that nobody has",
            {"claims": '{"id_token":{"acr":{"essential":true,"value":"urn:company:acr:mfa"}}}', "prompt": "none"},
        ),
    ):
        scene(name)
        browser.open(**{**_ASKED, **changes})
    hint = scene.quiet.sign_in(CAROL)["id_token"]
    scene("somebody else's hint")
    browser.authorize(**_ASKED, id_token_hint=hint, prompt="none")
    scene("by POST")
    browser.follow(browser.http.post("/authorize", data={**REQUEST, **_ASKED}))
    scene("by POST, refused")
    browser.http.post("/authorize", data={**REQUEST, "scope": "nonsense"})
    scene("by POST, an unknown client")
    browser.http.post("/authorize", data={**REQUEST, "client_id": "nobody"})
    scene("by POST, as JSON")
    browser.http.post("/authorize", json=REQUEST)
    scene.clock.advance(hours=1)
    scene("max_age=60 after an hour")
    browser.authorize(**_ASKED, max_age="60", prompt="none")
    scene.clock.advance(hours=20)
    scene("an old session")
    browser.authorize(**_ASKED, prompt="none")


def login_and_mfa(scene: Scene) -> None:
    """Passwords and second factors, right and wrong."""
    browser = scene.browser()
    scene("the page")
    page = browser.open()
    for name, fields in (
        ("a wrong password", {"username": "alice", "password": "wrong", "action": "sign-in"}),
        ("an unknown user", {"username": "nobody", "password": "wrong", "action": "sign-in"}),
        ("empty fields", {"username": "", "password": "", "action": "sign-in"}),
        ("a name to escape", {"username": '<b>"x"', "password": "x", "action": "sign-in"}),
        ("no csrf", {"csrf": None, "username": ALICE[0], "password": ALICE[1]}),
        ("another csrf", {"csrf": "A" * 43, "username": ALICE[0], "password": ALICE[1]}),
        ("another handle", {"request": "A" * 43, "username": ALICE[0], "password": ALICE[1]}),
    ):
        scene(name)
        browser.submit(page, **fields)
    scene("in another browser")
    scene.browser().submit(page, username=ALICE[0], password=ALICE[1])
    scene("/mfa before /login")
    browser.get(f"/mfa?request={hidden_fields(page)['request']}")
    scene("a form for /mfa before /login")
    browser.http.post("/mfa", data={**hidden_fields(page), "otp": "000000"})
    scene("a repeated field")
    browser.http.post("/login", data={**hidden_fields(page), "username": ["alice", "bob"]})
    scene("bob's password")
    mfa = browser.enter_password(page, BOB)
    scene("a wrong code")
    browser.enter_otp(mfa, "000000")
    scene("a code that is not a number")
    browser.enter_otp(mfa, "x")
    scene("bob's code")
    browser.enter_otp(mfa)
    scene("the form once more")
    browser.enter_otp(mfa)
    scene("a code that was used")
    other = scene.browser()
    other.enter_otp(other.enter_password(other.open(), BOB))
    scene("cancel at /mfa")
    other.press(other.enter_password(other.open(), BOB), "cancel")
    scene("cancel at /login")
    browser.press(scene.browser().open(), "cancel")
    last = scene.browser()
    scene("cancel at /login, in its own browser")
    last.press(last.open(), "cancel")
    scene("too many wrong passwords")
    page = last.open()
    for _ in range(12):
        page = last.enter_password(page, ("carol", "wrong"))
    scene("a request that is over")
    page = last.open()
    scene.clock.advance(minutes=16)
    last.enter_password(page, ALICE)
    for path in ("/login", "/mfa", "/consent", "/continue"):
        scene(f"{path} without a request")
        last.get(path)
        last.http.post(path)
        last.http.put(path)


def consent_and_continue(scene: Scene) -> None:
    """Third parties ask for consent; apps that anybody could listen to ask to continue."""
    browser = scene.browser()
    scene("a third party")
    page = browser.sign_in(**PARTNER)
    fields = hidden_fields(page)
    scene("a yes to something else")
    browser.submit(page, action="allow", scope="openid")
    scene("a yes for another session")
    browser.submit(page, action="allow", session="0190a1b0-0000-7000-8000-000000000000")
    scene("no button")
    browser.submit(page)
    scene("without csrf")
    browser.submit(page, action="allow", csrf=None)
    scene("another step's page")
    browser.get(f"/continue?request={fields['request']}")
    scene("do not allow")
    browser.press(page, "deny")
    scene("once more")
    browser.press(page, "deny")
    scene("allow")
    answer = browser.press(browser.open(**PARTNER), "allow")
    scene("the code of a third party").redeem_as_partner(code_of(answer))
    scene("it is remembered")
    browser.authorize(**PARTNER, prompt="none")
    scene("one scope more, prompt=none")
    browser.authorize(**{**PARTNER, "scope": "openid profile email crm:read"}, prompt="none")
    scene("continue")
    page = browser.open()
    browser.press(page, "continue")
    scene("continue once more")
    browser.press(page, "continue")
    scene("do not continue")
    browser.press(browser.open(), "cancel")
    scene("continue with another session")
    browser.submit(browser.open(), action="continue", session="0190a1b0-0000-7000-8000-000000000000")
    scene("a client that always asks to continue")
    address = "http://localhost:9001/docs/oauth2-redirect"
    browser.open(client_id="swagger", redirect_uri=address, scope="openid crm:read")


CHAPTERS: dict[str, Chapter] = {
    "/authorize: pages": authorize_pages,
    "/authorize: refusals": authorize_refusals,
    "/authorize: the way through": authorize_steps,
    "/login and /mfa": login_and_mfa,
    "/consent and /continue": consent_and_continue,
}
