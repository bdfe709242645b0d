"""Requests of browsers that sign out: /logout."""

from tests.integration.auth.logout_clients import sign_in
from tests.integration.auth.logout_seeds import BACK, BACK_WITH_QUERY, CALLBACK, OTHER_RP, RP, STATE
from tests.integration.auth.recorded.recorder import Chapter, Scene


def logout(scene: Scene) -> None:
    """Signing out, for a client that asks or for a person who comes by."""
    browser = scene.browser()
    scene("nobody is signed in")
    browser.get("/logout")
    hint = sign_in(scene.quiet.browser())["id_token"]
    scene.quiet  # noqa: B018 - the sign-in below is not written down
    sign_in(browser)
    for name, parameters in (
        ("a person", {}),
        ("no hint", {"client_id": RP, "post_logout_redirect_uri": BACK}),
        ("an unknown client", {"client_id": "nobody", "post_logout_redirect_uri": BACK}),
        ("a hint that is none", {"id_token_hint": "x", "post_logout_redirect_uri": BACK}),
        ("another session's hint", {"id_token_hint": hint, "post_logout_redirect_uri": BACK, "state": "x"}),
        ("hint and another client", {"id_token_hint": hint, "client_id": OTHER_RP, "post_logout_redirect_uri": BACK}),
        (
            "an address that is not registered",
            {"id_token_hint": hint, "post_logout_redirect_uri": "https://evil.example"},
        ),
        ("a long state", {"state": "s" * 4097}),
        ("an unknown handle", {"request": "A" * 43}),
    ):
        scene(name)
        browser.http.get("/logout", params=parameters)
    scene("a repeated parameter")
    browser.get("/logout?state=x&state=y")
    scene("not UTF-8")
    browser.get("/logout?state=%ff")
    scene("a client's POST")
    page = browser.follow(browser.http.post("/logout", data={"client_id": RP, "post_logout_redirect_uri": BACK}))
    scene("without csrf it is a client's")
    browser.http.post("/logout", data={"action": "confirm-logout"})
    scene("another csrf")
    browser.submit(page, action="confirm-logout", csrf="A" * 43)
    scene("another session")
    browser.submit(page, action="confirm-logout", session="0190a1b0-0000-7000-8000-000000000000")
    scene("no button")
    browser.submit(page)
    scene("stay")
    browser.press(page, "cancel")
    scene("stay, once more")
    browser.press(page, "cancel")
    scene("sign out")
    browser.press(browser.get("/logout"), "confirm-logout")
    scene("the session is over")
    browser.authorize(client_id=RP, redirect_uri=CALLBACK, scope="openid", prompt="none")
    scene.quiet  # noqa: B018
    sign_in(browser)
    scene("sign out everywhere")
    browser.press(browser.get("/logout"), "logout-everywhere")
    scene.quiet  # noqa: B018
    hint = sign_in(browser)["id_token"]
    scene("straight back")
    sent = {"id_token_hint": hint, "post_logout_redirect_uri": BACK_WITH_QUERY, "state": STATE}
    browser.http.get("/logout", params=sent)
    scene("straight back, nobody is signed in")
    browser.http.get("/logout", params=sent)
    scene("PUT")
    browser.http.put("/logout")


CHAPTERS: dict[str, Chapter] = {"/logout": logout}
