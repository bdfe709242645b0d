"""WWW-Authenticate is read, and decides what the app does about a refusal."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mobile.challenge import Challenge, StepUp
from tests.unit.mobile.conftest import Installed

API = "http://localhost:9001/api/contacts"
STEP_UP = (
    'Bearer realm="orders", error="insufficient_user_authentication", error_description="A stronger, or more recent, '
    'sign-in is needed.", acr_values="urn:company:acr:mfa", max_age="300", resource_metadata="http://localhost:9002/x"'
)


def read(*headers: str) -> Challenge:
    return Challenge.read(httpx2.Response(401, headers=[("WWW-Authenticate", header) for header in headers]))


@pytest.mark.parametrize(
    "header",
    [
        STEP_UP,
        f'Basic realm="x", {STEP_UP}',
        f"Negotiate YWJj==, {STEP_UP}, Basic realm=y",
        STEP_UP.replace("Bearer", "bearer").replace("error=", "ERROR = ").replace('"300"', "300"),
        STEP_UP.replace("A stronger", r"A \"stronger\" error=\"x\""),
    ],
)
def test_step_up_is_read_however_it_is_written(header: str) -> None:
    challenge = read(header)

    assert challenge.step_up == StepUp("urn:company:acr:mfa", 300)
    assert challenge.step_up.parameters == {"acr_values": "urn:company:acr:mfa", "max_age": "300"}
    assert not challenge.refresh_may_help


def test_step_up_in_a_header_of_its_own_is_found() -> None:
    assert read('Basic realm="x"', STEP_UP).step_up is not None


@pytest.mark.parametrize(
    ("rest", "parameters"),
    [
        ('acr_values="a b"', {"acr_values": "a b"}),
        ('max_age="0"', {"max_age": "0"}),
        ('max_age="-1"', {"prompt": "login"}),
        ('max_age="soon", acr_values=""', {"prompt": "login"}),
        ('max_age="99999999999999"', {"prompt": "login"}),
        ("", {"prompt": "login"}),
    ],
)
def test_what_a_step_up_leaves_out_is_not_asked_for(rest: str, parameters: dict[str, str]) -> None:
    step_up = read(f'Bearer error="insufficient_user_authentication", {rest}').step_up

    assert step_up is not None
    assert step_up.parameters == parameters


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        'Bearer error="invalid_token"',
        'Basic error="insufficient_user_authentication"',
        'Bearer realm="x", Basic error="insufficient_user_authentication"',
        'error="insufficient_user_authentication"',
        'Bearer error="insufficient_user_authentication',
        "Bearer \x00",
        "Bearer " + 'x="y", ' * 5_000 + 'error="insufficient_user_authentication"',
    ],
)
def test_anything_else_demands_no_sign_in(header: str) -> None:
    challenge = Challenge.read(httpx2.Response(401, headers={"WWW-Authenticate": header}))

    assert challenge.step_up is None
    assert challenge.refresh_may_help


@pytest.mark.parametrize(
    "header", [STEP_UP, 'Bearer error="insufficient_scope", scope="crm:write"', 'Bearer error="invalid_request"']
)
def test_refusal_that_is_not_about_the_token_costs_no_rotation(app: Installed, header: str) -> None:
    app.sign_in()
    refusal = httpx2.Response(401, headers={"WWW-Authenticate": header})
    app.provider.failures["/api/contacts"] = [refusal, refusal]

    for _ in range(2):
        assert app.client.get(API).status_code == 401
    assert app.provider.seen["rotations"] == 0
    assert app.provider.seen["/api/contacts"] == 2


def test_step_up_that_another_process_has_done_meanwhile_is_used(app: Installed, install: Callable[..., Any]) -> None:
    app.sign_in()
    other = install()
    answered: list[httpx2.Response] = []

    class StepsUpMeanwhile(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path == "/api/contacts" and not answered:
                answered.append(httpx2.Response(401, headers={"WWW-Authenticate": STEP_UP}))
                other.sign_in()
                return answered[0]
            return app.provider.handle(request)

    assert install(StepsUpMeanwhile()).client.get(API).status_code == 200
    assert app.provider.seen["rotations"] == 0
