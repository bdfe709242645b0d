"""An API that demands another sign-in gets it, once."""

import httpx2

from tests.unit.mobile.conftest import ORDER, Installed, Run


def step_up() -> httpx2.Response:
    challenge = 'Bearer error="insufficient_user_authentication", acr_values="urn:company:acr:mfa", max_age="300"'
    return httpx2.Response(401, headers={"WWW-Authenticate": challenge}, json={"title": "Unauthorized"})


def test_refund_that_needs_a_second_factor_signs_in_for_it_and_is_done(
    app: Installed, run: Run, sign_in_by_browser: list[str]
) -> None:
    app.sign_in()
    refund = f"/api/orders/{ORDER}/refund"
    done = {"id": ORDER, "status": "refunded", "currency": "EUR", "total_minor": 5}
    app.provider.failures[refund] = [step_up(), httpx2.Response(200, json=done)]

    code, out, err = run("move", ORDER, "refund")

    assert (code, out) == (0, f"refunded  EUR  5 minor units  {ORDER}\n")
    assert "sign in again" in err
    (url,) = sign_in_by_browser
    assert "acr_values=urn%3Acompany%3Aacr%3Amfa&max_age=300" in url
    assert app.provider.seen[refund] == 2
    assert app.provider.seen["rotations"] == 0


def test_step_up_that_does_not_suffice_is_asked_for_once(
    app: Installed, run: Run, sign_in_by_browser: list[str]
) -> None:
    app.sign_in()
    refund = f"/api/orders/{ORDER}/refund"
    app.provider.failures[refund] = [step_up() for _ in range(9)]

    code, out, err = run("move", ORDER, "refund")

    assert (code, out) == (3, "")
    assert "second factor" in err
    assert len(sign_in_by_browser) == 1
    assert app.provider.seen[refund] == 2
