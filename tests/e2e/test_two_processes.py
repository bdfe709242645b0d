"""Two processes of the provider on one PostgreSQL: whichever answers, the state is one."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import httpx2
import pytest

from mobile.authorization import Registration
from mobile.page import Page
from mobile.simulator import ALICE, BOB, CAROL, App, DeepLink, Person, Phone, SystemBrowser
from services.auth.revocation import set_enabled
from services.auth.storage import SqlAuthDatabase
from shared.database import Database
from tests.e2e.phones import SUBJECTS, Phones, Wire, refresh_token_of, refused
from tests.e2e.processes import serving
from tests.support.ports import free_ports
from tests.support.postgres import Cluster
from tests.support.stack import SERVICES, running_stack, stack_environment_for

CROWD = 100
T = TypeVar("T")


@pytest.fixture(scope="module")
def databases(postgres: Cluster) -> dict[str, str]:
    """The settings that name a PostgreSQL database for each service."""
    return {f"{name.upper()}_DATABASE_URL": postgres.create_database() for name in SERVICES}


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory, databases: dict[str, str]) -> Iterator[tuple[Wire, str]]:
    """A suite on PostgreSQL, and the address of a second process of its provider."""
    data, settings = tmp_path_factory.mktemp("twins"), databases
    with running_stack(data, settings) as stack, httpx2.Client(trust_env=False, timeout=20) as http:
        (port,) = free_ports(1)
        second = {**settings, "AUTH_PORT": str(port), "AUTH_ISSUER": stack.auth}
        with serving("auth", stack_environment_for(data, second), data / "second.log") as address:
            yield Wire(stack, http), address


@pytest.fixture
def phones(twins: tuple[Wire, str], tmp_path: Path) -> Iterator[Phones]:
    made = Phones(twins[0].stack, tmp_path)
    yield made
    made.close()


def test_both_sign_with_one_key(twins: tuple[Wire, str]) -> None:
    wire, second = twins
    one, other = (wire.http.get(f"{auth}/.well-known/jwks.json").json() for auth in (wire.stack.auth, second))
    assert one == other


def test_a_refresh_at_both_at_once_is_one_rotation(twins: tuple[Wire, str], phones: Phones) -> None:
    wire, second = twins
    token = refresh_token_of(phones.signed_in(ALICE))
    for _ in range(3):
        held = token
        answers = at_both(twins, partial(_refresh_at, wire, held))
        assert {answer.status_code for answer in answers} == {200}
        (token,) = {answer.json()["refresh_token"] for answer in answers}
        assert token != held
    assert wire.refresh(token, auth=second).status_code == 200


def test_a_token_of_one_opens_the_apis_and_is_revoked_by_the_other(twins: tuple[Wire, str], phones: Phones) -> None:
    wire, second = twins
    token = refresh_token_of(phones.signed_in(ALICE))
    answer = wire.refresh(token, auth=second).json()
    assert wire.contacts(answer["access_token"]).status_code == wire.orders(answer["access_token"]).status_code == 200
    form = {"client_id": "mobile-app", "token": answer["refresh_token"]}
    assert wire.http.post(f"{second}/revoke", data=form).status_code == 200
    assert refused(wire.refresh(answer["refresh_token"]))
    assert wire.userinfo(answer["access_token"]).status_code == 401


def test_a_code_at_both_at_once_is_redeemed_once_at_most(twins: tuple[Wire, str], phones: Phones) -> None:
    wire, _ = twins
    for _round in range(3):
        form = _code_form(phones.app(), ALICE)
        answers = at_both(twins, partial(_redeem_at, wire, form))
        redeemed = [answer for answer in answers if answer.status_code == 200]
        assert len(redeemed) == 1
        assert all(refused(answer) for answer in answers if answer not in redeemed)
        # the others were replays: the family is gone
        assert refused(wire.refresh(redeemed[0].json()["refresh_token"]))


def test_disabling_the_user_in_the_middle_leaves_nothing_alive(
    twins: tuple[Wire, str], phones: Phones, databases: dict[str, str]
) -> None:
    """Codes and refresh tokens of one user, at both processes, while a third one disables the user."""
    wire, _ = twins
    token = refresh_token_of(phones.signed_in(CAROL))
    forms = [_code_form(phones.app(), CAROL) for _ in range(CROWD // 4)]
    database = Database(databases["AUTH_DATABASE_URL"])

    def act(number: int, auth: str) -> httpx2.Response | None:
        if number == CROWD // 2:
            with SqlAuthDatabase(database).transaction() as stores:
                assert set_enabled(stores, UUID(SUBJECTS["carol"]), enabled=False, origin=None, now=wire.stack.now())
            return None
        return wire.refresh(token, auth=auth) if number % 4 else _redeem(wire, forms[number // 4], auth)

    answers = [answer for answer in at_both(twins, act) if answer is not None]
    database.dispose()
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert all(refused(answer) for answer in answers if answer.status_code == 400)
    assert refused(wire.refresh(token))
    for answer in answers:
        if answer.status_code == 200:
            tokens = answer.json()
            assert refused(wire.refresh(tokens["refresh_token"]))
            assert wire.userinfo(tokens["access_token"]).status_code == 401
    for form in forms:
        assert refused(_redeem(wire, form, wire.stack.auth)), "neither a used code nor a pending one"


def test_a_one_time_code_at_both_at_once_is_taken_once(twins: tuple[Wire, str], phones: Phones) -> None:
    phones.await_new_code(BOB)
    code, waiting = BOB.one_time_code(phones.clock), []
    for number in range(4):
        browser = SystemBrowser(phones.clock, Balancer(twins, first=number % 2))
        page = browser.open(phones.app().client.begin_sign_in())  # two requests, then one, and then the code
        assert isinstance(page, Page)
        page = browser.click(page, "sign-in", username=BOB.username, password=BOB.password)
        assert isinstance(page, Page) and page.has("otp")
        waiting.append((browser, page))
    start = threading.Barrier(len(waiting))

    def verify(number: int) -> Page | DeepLink:
        browser, page = waiting[number]
        start.wait()
        return browser.click(page, "verify", otp=code)

    with ThreadPoolExecutor(len(waiting)) as crowd:
        ends = list(crowd.map(verify, range(len(waiting))))
    assert sum(isinstance(end, DeepLink) for end in ends) == 1
    for browser, _ in waiting:
        browser.close()


@pytest.mark.parametrize("first", [0, 1])
def test_a_sign_in_goes_on_at_whichever_process(twins: tuple[Wire, str], phones: Phones, first: int) -> None:
    registration = Registration(twins[0].stack.auth, redirect_uri="myapp://callback")
    phone = Phone(registration, phones.directory, phones.clock, Balancer(twins, first))
    app, again = (phone.install(name, Balancer(twins, first)) for name in ("app", "again"))
    phones.await_new_code(BOB)
    app.sign_in(BOB)
    again.sign_in(BOB)
    assert phone.browser.visited == ["/login", "/mfa", "/continue", "/continue"]  # without a script: one more click
    app.client.refresh()
    app.client.refresh()
    again.client.sign_out()
    app.client.refresh()
    phone.close()


class Balancer(httpx2.BaseTransport):
    """Sends what is meant for the provider to its two processes in turn, as a load balancer does."""

    def __init__(self, twins: tuple[Wire, str], first: int = 0) -> None:
        self._inner = httpx2.HTTPTransport()
        self._provider = httpx2.URL(twins[0].stack.auth)
        ports = [self._provider.port, httpx2.URL(twins[1]).port]
        self._ports = itertools.cycle(ports[first:] + ports[:first])

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        if url.port == self._provider.port:
            url = url.copy_with(port=next(self._ports))
        return self._inner.handle_request(
            httpx2.Request(request.method, url, headers=request.headers, content=request.read())
        )

    def close(self) -> None:
        self._inner.close()


def _code_form(app: App, person: Person) -> dict[str, str]:
    """Return what redeems a fresh code of this person."""
    link = app.redirect(person)
    (pending,) = app.store.load().pending.values()
    return {
        "grant_type": "authorization_code",
        "client_id": "mobile-app",
        "code": link.parameters["code"],
        "redirect_uri": pending.redirect_uri,
        "code_verifier": pending.verifier,
    }


def _refresh_at(wire: Wire, refresh_token: str, number: int, auth: str) -> httpx2.Response:
    del number
    return wire.refresh(refresh_token, auth=auth)


def _redeem_at(wire: Wire, form: dict[str, str], number: int, auth: str) -> httpx2.Response:
    del number
    return _redeem(wire, form, auth)


def _redeem(wire: Wire, form: dict[str, str], auth: str) -> httpx2.Response:
    return wire.http.post(f"{auth}/token", data=form)


def at_both(twins: tuple[Wire, str], action: Callable[[int, str], T]) -> list[T]:
    """Do `action` (given a number and an address) in CROWD threads that start together, half at each process."""
    addresses = (twins[0].stack.auth, twins[1])
    start = threading.Barrier(CROWD)

    def one(number: int) -> T:
        start.wait()
        return action(number, addresses[number // 2 % 2])

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(one, range(CROWD)))
