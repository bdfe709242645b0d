"""Orders across the three real processes: whose customer, what a retry gets, and how money is given back."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from mobile.simulator import ALICE, BOB, CAROL
from tests.e2e.phones import SUBJECTS, Phones, Wire, refresh_token_of, tokens_of
from tests.e2e.processes import serving
from tests.support.ports import free_ports
from tests.support.postgres import Cluster
from tests.support.stack import SERVICES, Stack, running_stack, stack_environment_for

MAD_HATTER = "0190a1b0-0000-7000-8000-00000000c001"  # alice's, of sales
WENDY_FIXIT = "0190a1b0-0000-7000-8000-00000000c003"  # bob's, of support
LINES = [{"description": "Pocket watch", "quantity": 2, "unit_price_minor": 1250}]


def order_for(customer_id: str) -> dict[str, Any]:
    return {"customer_id": customer_id, "currency": "EUR", "lines": LINES}


def post(wire: Wire, path: str, access_token: str, json: Any = None, key: str = "") -> httpx2.Response:
    """POST to orders, at another process of it if `path` is a whole address."""
    headers = {"Authorization": f"Bearer {access_token}"} | ({"Idempotency-Key": key} if key else {})
    url = path if path.startswith("http") else f"{wire.stack.orders}/api/orders{path}"
    return wire.http.post(url, json=json, headers=headers)


def test_the_crm_decides_whose_customer_it_is(phones: Phones, wire: Wire) -> None:
    tokens = {person.username: tokens_of(phones.signed_in(person)).access_token for person in (ALICE, BOB, CAROL)}
    for who, customer_id, status in (
        ("alice", MAD_HATTER, 201),
        ("alice", WENDY_FIXIT, 422),
        ("alice", str(uuid.uuid4()), 422),
        ("bob", MAD_HATTER, 422),
        ("bob", WENDY_FIXIT, 201),
        ("carol", MAD_HATTER, 201),  # her team's
        ("carol", WENDY_FIXIT, 422),
    ):
        answer = post(wire, "", tokens[who], order_for(customer_id))
        assert answer.status_code == status, (who, customer_id, answer.text)
        if status == 422:
            assert answer.json()["errors"] == [{"loc": ["body", "customer_id"], "msg": "no such contact"}]


def test_an_app_without_any_right_at_the_crm_can_order(suite: Stack, phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    form = {"scope": "orders:read orders:write"}
    narrow = wire.refresh(refresh_token_of(app), **form).json()["access_token"]
    assert wire.contacts(narrow).status_code == 401  # its aud is orders alone
    assert post(wire, "", narrow, order_for(MAD_HATTER)).status_code == 201


def test_a_sign_in_that_has_ended_makes_no_order(phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    access_token = tokens_of(app).access_token
    assert wire.revoke(refresh_token_of(app)).status_code == 200
    refused = post(wire, "", access_token, order_for(MAD_HATTER))
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_from_draft_to_the_customer(phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    access_token = tokens_of(app).access_token
    order_id = post(wire, "", access_token, order_for(MAD_HATTER)).json()["id"]
    assert post(wire, f"/{order_id}/ship", access_token).json()["legal_moves"] == ["place", "cancel"]
    for move in ("place", "pay", "ship", "deliver"):
        assert post(wire, f"/{order_id}/{move}", access_token).status_code == 200
    refused = post(wire, f"/{order_id}/refund", access_token)  # alice has no second factor
    assert refused.status_code == 401
    assert 'acr_values="urn:company:acr:mfa"' in refused.headers["WWW-Authenticate"]
    history = wire.get(f"{wire.stack.orders}/api/orders/{order_id}/history", access_token).json()["items"]
    assert [change["action"] for change in history] == ["deliver", "ship", "pay", "place", "create"]
    assert {change["actor"]["sub"] for change in history} == {SUBJECTS["alice"]}
    assert {change["actor"]["client_id"] for change in history} == {"mobile-app"}


def test_a_refund_needs_the_second_factor_again_after_five_minutes(suite: Stack, phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(BOB)
    access_token = tokens_of(app).access_token
    orders = []
    for _ in range(2):
        orders.append(post(wire, "", access_token, order_for(WENDY_FIXIT)).json()["id"])
        for move in ("place", "pay"):
            assert post(wire, f"/{orders[-1]}/{move}", access_token).status_code == 200
    assert post(wire, f"/{orders[0]}/refund", access_token, key="give-back").json()["status"] == "refunded"

    suite.advance(301)
    app.client.refresh()
    later = tokens_of(app).access_token
    for order_id, key in ((orders[0], "give-back"), (orders[1], "give-back-too")):
        refused = post(wire, f"/{order_id}/refund", later, key=key)
        assert refused.status_code == 401
        assert 'error="insufficient_user_authentication"' in refused.headers["WWW-Authenticate"]
    assert post(wire, f"/{orders[1]}/ship", later).status_code == 200  # all else goes on


def test_while_crm_is_away_what_needs_no_customer_goes_on(
    own_stack: Stack, tmp_path: Path, http: httpx2.Client
) -> None:
    phones, wire = Phones(own_stack, tmp_path), Wire(own_stack, http)
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    made = post(wire, "", access_token, order_for(MAD_HATTER), "before")
    assert made.status_code == 201
    own_stack.stop("crm")
    away = post(wire, "", access_token, order_for(MAD_HATTER), "during")
    assert away.status_code == 503
    assert int(away.headers["Retry-After"]) >= 1
    assert post(wire, "", access_token, order_for(MAD_HATTER), "before").content == made.content
    assert wire.orders(access_token).status_code == 200
    assert post(wire, f"/{made.json()['id']}/place", access_token).status_code == 200

    own_stack.stop("auth")
    other = post(wire, "", access_token, order_for(MAD_HATTER), "during")
    assert other.status_code == 503
    assert post(wire, f"/{made.json()['id']}/pay", access_token).status_code == 200
    log = own_stack.log()
    assert access_token not in log
    assert "orders-api-secret" not in log
    phones.close()


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[tuple[Stack, str]]:
    """A suite on PostgreSQL, and the address of a second process of Orders."""
    data = tmp_path_factory.mktemp("twins")
    settings = {f"{name.upper()}_DATABASE_URL": postgres.create_database() for name in SERVICES}
    with running_stack(data, settings) as stack:
        (port,) = free_ports(1)
        second = {
            **settings,
            "ORDERS_PORT": str(port),
            "AUTH_ISSUER": stack.auth,
            "ORDERS_AUDIENCE": stack.orders,
            "CRM_AUDIENCE": stack.crm,
        }
        with serving("orders", stack_environment_for(data, second), data / "second.log") as address:
            yield stack, address


def test_one_key_at_two_processes_at_once_is_one_order(twins: tuple[Stack, str], tmp_path: Path) -> None:
    stack, second = twins
    phones = Phones(stack, tmp_path)
    access_token = tokens_of(phones.signed_in(ALICE)).access_token
    with httpx2.Client(trust_env=False, timeout=30) as http:
        wire = Wire(stack, http)
        before = len(wire.orders(access_token).json()["items"])
        addresses = [f"{address}/api/orders" for address in (stack.orders, second)] * 10

        def send(address: str) -> httpx2.Response:
            return post(wire, address, access_token, order_for(MAD_HATTER), "one-order")

        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(send, addresses))
        assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
        assert len({answer.content for answer in answers}) == 1
        assert len({answer.headers["Location"] for answer in answers}) == 1
        assert len(wire.orders(access_token).json()["items"]) == before + 1

        # and one move, without a key: one wins, the others are told where the order stands
        order_id = answers[0].json()["id"]
        moves = [f"{address}/{order_id}/place" for address in addresses]
        with ThreadPoolExecutor(20) as threads:
            ends = list(threads.map(lambda address: post(wire, address, access_token), moves))
        assert sorted(end.status_code for end in ends) == [200] + [409] * 19
    phones.close()
