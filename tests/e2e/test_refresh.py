"""Refresh: the lost answer, the thief, the crowd and the forger.

Spec: RFC 6749 s6, RFC 9700 s4.14
"""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from mobile.errors import Offline, SignInRequired
from mobile.faults import DroppedReply, DuplicatedRequest, DyingStore, KilledError, Wiretap
from mobile.simulator import ALICE, CAROL
from services.auth.keys.key_ring import load_key_ring
from services.auth.tokens.refresh_token import PREFIX, RefreshToken, mint_refresh_token, parse_refresh_token
from tests.e2e.phones import Phones, Wire, refresh_token_of, refused, tokens_of
from tests.support.stack import Stack

RETRY_WINDOW = 60
CROWD = 50


def test_a_lost_answer_costs_nothing(suite: Stack, phones: Phones) -> None:
    tap = Wiretap()
    network = DroppedReply(tap)
    app = phones.signed_in(ALICE, network)
    held = tokens_of(app)
    network.arm()
    with pytest.raises(Offline):
        app.client.refresh()
    assert tokens_of(app) == held
    app.client.refresh()
    lost, answered = (exchange.response.json() for exchange in tap.stolen("refresh_token"))
    assert lost["refresh_token"] == answered["refresh_token"] == refresh_token_of(app)
    assert app.client.get(f"{suite.crm}/api/contacts").status_code == 200
    app.client.refresh()  # and it goes on from there


def test_an_answer_lost_for_a_minute_less_a_moment_can_still_be_asked_for(
    suite: Stack, phones: Phones, wire: Wire
) -> None:
    token = refresh_token_of(phones.signed_in(ALICE))
    successor = wire.refresh(token).json()["refresh_token"]
    suite.advance(RETRY_WINDOW - 20)
    assert wire.refresh(token).json()["refresh_token"] == successor
    assert wire.refresh(successor).status_code == 200


def test_a_request_sent_twice_by_the_network_is_no_theft(phones: Phones) -> None:
    network = DuplicatedRequest()
    app = phones.signed_in(ALICE, network)
    network.arm()
    app.client.refresh()
    app.client.refresh()


def test_an_app_killed_before_it_saved_goes_on(suite: Stack, phones: Phones) -> None:
    phone = phones.phone()
    app = phone.install("app", store_class=DyingStore)
    app.sign_in(ALICE)
    assert isinstance(app.store, DyingStore)
    app.store.arm()
    with pytest.raises(KilledError):
        app.client.refresh()
    restarted = phone.install("app")
    restarted.client.refresh()
    assert restarted.client.get(f"{suite.orders}/api/orders").status_code == 200


def test_a_reused_refresh_token_ends_its_family_and_no_other(phones: Phones, wire: Wire) -> None:
    tap = Wiretap()
    phone = phones.phone()
    app, other = phone.install("app", tap), phone.install("other")
    app.sign_in(ALICE)
    other.sign_in(ALICE)
    colleague = phones.signed_in(CAROL)
    app.client.refresh()
    app.client.refresh()
    stolen = tap.stolen("refresh_token")[0]
    assert refused(tap.replay(stolen))
    with pytest.raises(SignInRequired):
        app.client.refresh()
    assert app.client.tokens() is None
    other.client.refresh()
    colleague.client.refresh()
    assert wire.userinfo(stolen.response.json()["access_token"]).status_code == 401


def test_a_retry_after_the_window_is_reuse(suite: Stack, phones: Phones, wire: Wire) -> None:
    token = refresh_token_of(phones.signed_in(ALICE))
    successor = wire.refresh(token).json()["refresh_token"]
    suite.advance(RETRY_WINDOW + 1)
    assert refused(wire.refresh(token))
    assert refused(wire.refresh(successor))


def test_fifty_at_once_are_one_rotation(phones: Phones, wire: Wire) -> None:
    token = refresh_token_of(phones.signed_in(ALICE))
    answers = all_at_once(lambda: wire.refresh(token))
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {answer.json()["refresh_token"] for answer in answers}
    assert successor != token
    ring = load_key_ring("", name="", local_file=wire.stack.data / "secrets" / "refresh-mac-keys")
    before, after = parse_refresh_token(ring, token), parse_refresh_token(ring, successor)
    assert before is not None and after is not None
    assert after.generation == before.generation + 1
    assert wire.refresh(successor).status_code == 200


def test_the_threads_of_one_app_refresh_once(suite: Stack, phones: Phones) -> None:
    tap = Wiretap()
    app = phones.signed_in(ALICE, tap)
    suite.advance(931)
    answers = all_at_once(lambda: app.client.get(f"{suite.crm}/api/contacts"))
    assert {answer.status_code for answer in answers} == {200}
    assert len(tap.stolen("refresh_token")) == 1


def test_a_forged_token_for_a_live_family_changes_nothing(phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    app.client.refresh()
    token = refresh_token_of(app)
    raw = base64.urlsafe_b64decode(token.removeprefix(PREFIX) + "==")
    for position in range(0, len(raw), 5):  # each part of it: key id, family, generation, seed, MAC
        forged = bytearray(raw)
        forged[position] ^= 1
        assert refused(wire.refresh(PREFIX + base64.urlsafe_b64encode(forged).rstrip(b"=").decode()))
    for other in (token[:-1], f"{token}A", token.removeprefix(PREFIX), token.upper(), "x", f"{PREFIX}AAAA"):
        assert refused(wire.refresh(other))
    assert wire.refresh(token).status_code == 200


def test_a_leaked_mac_key_forges_no_token(phones: Phones, wire: Wire) -> None:
    token = refresh_token_of(phones.signed_in(ALICE))
    ring = load_key_ring("", name="", local_file=wire.stack.data / "secrets" / "refresh-mac-keys")
    known = parse_refresh_token(ring, token)
    assert known is not None
    for generation in (known.generation, known.generation + 1, 0, 2**32 - 1):
        forged = RefreshToken(known.family_id, generation, bytes(len(known.seed)))
        assert refused(wire.refresh(mint_refresh_token(ring, forged, mac_kid=ring.current)))
    assert wire.refresh(token).status_code == 200


def test_another_client_can_neither_use_nor_end_a_family(phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    old = refresh_token_of(app)
    app.client.refresh()
    app.client.refresh()
    secret = ("partner-web", "partner-web-secret-for-local-use-only")
    for token in (refresh_token_of(app), old):  # a reused one, too, ends nothing
        form = {"grant_type": "refresh_token", "refresh_token": token}
        assert refused(wire.http.post(f"{wire.stack.auth}/token", data=form, auth=secret))
    app.client.refresh()


def test_revoke_ends_the_family(phones: Phones, wire: Wire) -> None:
    app, other = phones.signed_in(ALICE), phones.signed_in(ALICE)
    tokens, refresh_token = tokens_of(app), refresh_token_of(app)
    assert app.client.sign_out()
    assert app.client.tokens() is None
    assert refused(wire.refresh(refresh_token))
    assert wire.userinfo(tokens.access_token).status_code == 401
    assert wire.revoke(refresh_token).status_code == 200  # again: RFC 7009 s2.2
    other.client.refresh()


def test_an_old_refresh_token_revokes_its_family_and_an_access_token_itself_alone(phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    refresh_token, access_token = refresh_token_of(app), tokens_of(app).access_token
    assert wire.revoke(access_token).status_code == 200
    assert wire.userinfo(access_token).status_code == 401
    app.client.refresh()
    assert wire.revoke(refresh_token).status_code == 200
    with pytest.raises(SignInRequired):
        app.client.refresh()


def test_a_stranger_revokes_nothing(phones: Phones, wire: Wire) -> None:
    app = phones.signed_in(ALICE)
    token = refresh_token_of(app)
    secret = ("partner-web", "partner-web-secret-for-local-use-only")
    wire.http.post(f"{wire.stack.auth}/revoke", data={"token": token}, auth=secret)
    assert wire.revoke(f"{token[:-8]}AAAAAAAA").status_code == 200
    app.client.refresh()


def all_at_once(action: Callable[[], httpx2.Response]) -> list[httpx2.Response]:
    """Do `action` in CROWD threads that start together, and return the answers."""
    start = threading.Barrier(CROWD)

    def one(_: int) -> httpx2.Response:
        start.wait()
        return action()

    with ThreadPoolExecutor(CROWD) as crowd:
        return list(crowd.map(one, range(CROWD)))
