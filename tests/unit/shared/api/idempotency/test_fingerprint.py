import itertools

import pytest

from shared.api.idempotency import Sent
from shared.api.idempotency.fingerprint import canonical
from shared.testing import ALICE, BOB
from tests.unit.shared.api.idempotency.principals import principal

BODY = b'{"a": 1, "b": [true, null, "x"]}'


def sent(**changed: object) -> Sent:
    given = {
        "principal": principal(),
        "key": "k",
        "method": "POST",
        "route": "/api/orders",
        "target": "/api/orders?",
        "body": BODY,
        **changed,
    }
    return Sent.of(**given)  # type: ignore[arg-type]


def test_the_same_request_is_the_same_one() -> None:
    assert sent() == sent()


@pytest.mark.parametrize(
    "changed",
    [
        {"principal": principal(subject=BOB)},
        {"principal": principal(client_id="another-app")},
        {"principal": principal(issuer="https://another.example")},
        {"key": "K"},
        {"key": "k "},
        {"method": "PUT"},
        {"route": "/api/orders/{order_id}/pay"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_key_is_its_callers_and_its_routes_alone(changed: dict[str, object]) -> None:
    assert sent(**changed).id != sent().id


@pytest.mark.parametrize(
    "changed",
    [
        {"body": b'{"a": 2, "b": [true, null, "x"]}'},
        {"body": b'{"a": 1.0, "b": [true, null, "x"]}'},
        {"body": b'{"a": 1, "b": [null, true, "x"]}'},
        {"body": b""},
        {"target": "/api/orders/2?"},
        {"target": "/api/orders?x=1"},
    ],
)
def test_another_request_under_the_same_key_is_told_apart(changed: dict[str, object]) -> None:
    assert sent(**changed).id == sent().id
    assert sent(**changed).fingerprint != sent().fingerprint


def test_the_spelling_of_json_does_not_matter() -> None:
    spelled = b'\n{"b":[true,null,"\\u0078"],\t"a":1}'
    assert sent(body=spelled) == sent()


def test_what_is_no_json_counts_as_it_is() -> None:
    bodies = [b"", b"name\nAlice\n", b"name\nBob\n", b"\xff\xfe", b"[" * 100_000, b'"json"', b"{}", b'"raw"']
    assert len({canonical(body) for body in bodies}) == len(bodies)


def test_parts_cannot_run_into_each_other() -> None:
    ids = [
        sent(principal=principal(subject=subject, client_id=client_id), key=key).id
        for subject, client_id, key in itertools.product(("a", "a,b", 'a","b'), ("c", "b,c", 'b","c'), ("k", 'c","k'))
    ]
    assert len(set(ids)) == len(ids)


def test_neither_the_key_nor_the_body_can_be_read_from_what_is_kept() -> None:
    made = sent(key="secret-key", body=b'{"card": "4111"}')
    assert len(made.id) == len(made.fingerprint) == 32
    assert b"secret-key" not in made.id + made.fingerprint
    assert ALICE.encode() not in made.id


def test_a_file_is_not_read_as_json() -> None:
    """20 MB of JSON sent as a file took six seconds to spell anew, in which the process answered nobody."""
    record = b"[" + b"1, " * 20_000 + b"1]"
    assert canonical(record).startswith("json ")
    assert canonical(b"[" + b"1, " * 30_000 + b"1]").startswith("raw ")
