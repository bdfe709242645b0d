"""Who sees which records: one's own, a manager the team's, nobody else's."""

import uuid
from typing import Any

import httpx2
import pytest

from mobile.simulator import ALICE, BOB, CAROL, App
from tests.e2e.phones import Phones, names
from tests.support.stack import Stack

SEEDED = "0190a1b0-0000-7000-8000-00000000"
CONTACT_OF = {"alice": f"{SEEDED}c001", "bob": f"{SEEDED}c003", "carol": f"{SEEDED}c004"}
ORDER_OF = {"alice": f"{SEEDED}d001", "bob": f"{SEEDED}d002", "carol": f"{SEEDED}d003"}
#: alice and carol are of one team, carol its manager; bob is of another.
SEES = {"alice": {"alice"}, "bob": {"bob"}, "carol": {"alice", "carol"}}


@pytest.mark.parametrize("person", [ALICE, BOB, CAROL], ids=lambda person: person.username)
def test_lists_hold_what_the_user_may_see(suite: Stack, phones: Phones, person: Any) -> None:
    app = phones.signed_in(person)
    for url, seeded in ((f"{suite.crm}/api/contacts", CONTACT_OF), (f"{suite.orders}/api/orders", ORDER_OF)):
        items = app.client.get(url, params={"limit": 200}).json()["items"]
        seen = {item["id"] for item in items}
        assert {owner for owner, record in seeded.items() if record in seen} == SEES[person.username]


@pytest.mark.parametrize("person", [ALICE, BOB, CAROL], ids=lambda person: person.username)
def test_a_foreign_record_is_as_good_as_none(suite: Stack, phones: Phones, person: Any) -> None:
    app = phones.signed_in(person)
    for url, seeded in ((f"{suite.crm}/api/contacts", CONTACT_OF), (f"{suite.orders}/api/orders", ORDER_OF)):
        missing = app.client.get(f"{url}/{uuid.uuid4()}")
        assert missing.status_code == 404
        for owner, record in seeded.items():
            answer = app.client.get(f"{url}/{record}")
            if owner in SEES[person.username]:
                assert answer.status_code == 200
                assert answer.json()["id"] == record
            else:
                assert answer.status_code == 404
                assert _but_for_the_address(answer) == _but_for_the_address(missing)


def test_a_new_record_belongs_to_its_maker(suite: Stack, phones: Phones) -> None:
    alice, bob, carol = (phones.signed_in(person) for person in (ALICE, BOB, CAROL))
    contacts = f"{suite.crm}/api/contacts"
    made = alice.client.request("POST", contacts, json={"name": f"March Hare {uuid.uuid4()}"})
    assert made.status_code == 201
    name, address = made.json()["name"], f"{contacts}/{made.json()['id']}"
    assert made.headers["Location"] in {address, address.removeprefix(suite.crm)}
    assert _status(address, alice, bob, carol) == [200, 404, 200]
    assert name in names(carol.client.get(contacts, params={"limit": 200}))
    assert name not in names(bob.client.get(contacts, params={"limit": 200}))

    orders = f"{suite.orders}/api/orders"
    lines = [{"description": "Pocket watch", "quantity": 2, "unit_price_minor": 1250}]
    order = {"customer_id": made.json()["id"], "currency": "EUR", "lines": lines}
    ordered = alice.client.request("POST", orders, json=order)
    assert ordered.status_code == 201
    assert (ordered.json()["total_minor"], ordered.json()["status"]) == (2500, "draft")
    assert _status(f"{orders}/{ordered.json()['id']}", alice, bob, carol) == [200, 404, 200]


def test_nobody_makes_a_record_in_anothers_name(suite: Stack, phones: Phones) -> None:
    alice = phones.signed_in(ALICE)
    for member in ({"owner_sub": "x"}, {"owner_team": "support"}, {"id": str(uuid.uuid4())}):
        answer = alice.client.request("POST", f"{suite.crm}/api/contacts", json={"name": "Duchess", **member})
        assert answer.status_code == 422


def _status(url: str, *apps: App) -> list[int]:
    return [app.client.get(url).status_code for app in apps]


def _but_for_the_address(answer: httpx2.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "instance"}
