"""Every end on the real SQL: what it ends, whose bit it sets, and what it leaves alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from services.auth import revocation as ends
from services.auth.accounts.browser_session import BrowserSession
from services.auth.authorization.request import WaitingRequest
from services.auth.protocol.authorization_request import AuthorizationRequest
from services.auth.storage.tables import audit_events, clients, families, known_devices
from services.auth.stores import Stores
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.family import FamilyState, NewFamily, end_family
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import CLIENT_METADATA, HOME, NOON, Stage, bit, new_family, new_session, version
from tests.support.authorizations import redeem_code

SECOND = timedelta(seconds=1)
LATER = NOON + timedelta(minutes=1)


@dataclass(frozen=True)
class Cast:
    """Sign-ins that differ from the first in one thing each; an end may touch those that it names and no other."""

    stage: Stage
    families: dict[str, NewFamily]
    elsewhere: BrowserSession

    def state(self, name: str) -> FamilyState:
        with self.stage.auth.autocommit() as stores:
            found = stores.families.find(self.families[name].id)
        assert found is not None
        return found

    def ended(self) -> set[str]:
        """Return those whose row is ended, after a look at the bits: they must say the same."""
        states = {name: self.state(name) for name in self.families}
        rows = {name for name, state in states.items() if state.revoked_at is not None}
        bits = {name for name, state in states.items() if bit(self.stage, state.status)}
        assert rows == bits
        return rows

    def events(self) -> list[str]:
        with self.stage.sql.autocommit() as db:
            return list(db.execute(select(audit_events.c.event).order_by(audit_events.c.id)).scalars())


@pytest.fixture
def cast(stage: Stage) -> Cast:
    """alice's phone, browser and second browser; bob's phone in alice's place."""
    web = {"client_id": "web", "metadata": {**CLIENT_METADATA, "application_type": "web"}}
    with stage.sql.unit_of_work() as db:
        db.execute(insert(clients).values(**web, created_at=NOON, updated_at=NOON))
    elsewhere, bobs = new_session(), new_session(user_id=UUID(BOB))
    with stage.auth.transaction() as stores:
        stores.sessions.add(elsewhere)
        stores.sessions.add(bobs)
        named = {
            "app": new_family(stage.session),
            "web": new_family(stage.session, client_id="web"),
            "app elsewhere": new_family(elsewhere),
            "web elsewhere": new_family(elsewhere, client_id="web"),
            "bob": new_family(bobs),
            "bob web": new_family(bobs, client_id="web"),
        }
        for family in named.values():
            stores.families.add(family)
        stores.devices.remember(b"a" * 32, UUID(ALICE), expires_at=LATER, now=NOON)
        stores.devices.remember(b"b" * 32, UUID(BOB), expires_at=LATER, now=NOON)
    return Cast(stage, named, elsewhere)


ALICES = {"app", "web", "app elsewhere", "web elsewhere"}
ENDS: dict[str, tuple[Callable[[BrowserSession, Stores], object], set[str]]] = {
    "session": (
        lambda session, stores: ends.end_session(
            stores, session, everywhere=False, reason=EndReason.LOGOUT, origin=HOME, now=NOON
        ),
        {"web"},
    ),
    "session, everywhere": (
        lambda session, stores: ends.end_session(
            stores, session, everywhere=True, reason=EndReason.LOGOUT_EVERYWHERE, origin=HOME, now=NOON
        ),
        ALICES,
    ),
    "user": (
        lambda _, stores: ends.end_user(stores, UUID(ALICE), reason=EndReason.PASSWORD_CHANGED, origin=HOME, now=NOON),
        ALICES,
    ),
    "user disabled": (
        lambda _, stores: ends.set_enabled(stores, UUID(ALICE), enabled=False, origin=None, now=NOON),
        ALICES,
    ),
    "client": (
        lambda _, stores: ends.end_client(stores, "web", reason=EndReason.CLIENT_REKEYED, origin=None, now=NOON),
        {"web", "web elsewhere", "bob web"},
    ),
    "client disabled": (
        lambda _, stores: ends.set_enabled(stores, "app", enabled=False, origin=None, now=NOON),
        {"app", "app elsewhere", "bob"},
    ),
    "consent withdrawn": (
        lambda _, stores: ends.withdraw(
            stores, client_id="web", user_id=UUID(ALICE), reason=EndReason.CONSENT_WITHDRAWN, origin=HOME, now=NOON
        ),
        {"web", "web elsewhere"},
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_each_path_sets_the_bits_of_what_it_ends_and_no_other(cast: Cast, name: str) -> None:
    act, expected = ENDS[name]
    before = version(cast.stage)
    with cast.stage.auth.transaction() as stores:
        act(cast.stage.session, stores)
    assert cast.ended() == expected
    assert version(cast.stage) == max(before + 1, int(NOON.timestamp() * 1000))
    with cast.stage.sql.autocommit() as db:
        recorded = db.execute(select(audit_events.c.family_id).where(audit_events.c.family_id.is_not(None))).scalars()
        assert set(recorded) == {cast.families[ended].id for ended in expected}, "one record each"
        reasons = db.execute(select(families.c.revoked_why).where(families.c.revoked_at.is_not(None))).scalars()
        assert len(set(reasons)) == 1


@pytest.mark.parametrize("name", ENDS)
def test_an_end_that_fails_half_way_has_ended_nothing(cast: Cast, name: str) -> None:
    before = version(cast.stage)

    def act_and_fail() -> None:
        with cast.stage.auth.transaction() as stores:
            ENDS[name][0](cast.stage.session, stores)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        act_and_fail()
    assert (cast.ended(), cast.events(), version(cast.stage)) == (set(), [], before)


def test_ending_one_family_ends_it_alone_and_once(cast: Cast) -> None:
    for expected in (True, False):
        with cast.stage.auth.transaction() as stores:
            family = stores.families.find(cast.families["app"].id)
            assert family is not None
            reason = EndReason.REVOKED_BY_CLIENT
            assert end_family(stores, family, reason=reason, origin=HOME, now=NOON) is expected
    assert cast.ended() == {"app"}
    assert cast.events() == ["revoked_by_client"]


def test_a_session_ends_once_and_its_user_stays_signed_in_elsewhere(cast: Cast) -> None:
    session = cast.stage.session
    for expected in (True, False):
        with cast.stage.auth.transaction() as stores:
            assert (
                ends.end_session(stores, session, everywhere=False, reason=EndReason.LOGOUT, origin=HOME, now=NOON)
                is expected
            )
    assert cast.events().count("session_ended") == 1
    with cast.stage.auth.autocommit() as stores:
        there = stores.sessions.find_by_cookie(cast.elsewhere.cookie_hash)
        here = stores.sessions.find_by_cookie(session.cookie_hash)
        user = stores.users.find(UUID(ALICE))
    assert there is not None and there.ended_at is None
    assert here is not None and here.ended_at == NOON
    assert user is not None and user.tokens_valid_from is None


@pytest.mark.requirement("ASVS-7.4.2")
def test_a_user_wide_end_ends_sessions_devices_codes_and_waiting_requests(cast: Cast) -> None:
    stage = cast.stage
    code = stage.code()
    request = AuthorizationRequest("app", "myapp://callback", frozenset({"openid"}))
    handles = [bytes([number]) * 32 for number in range(4)]
    with stage.auth.transaction() as stores:
        for handle in handles:
            stores.waiting_requests.add(WaitingRequest(handle, request, NOON, NOON + timedelta(minutes=15), handle))
        stores.waiting_requests.set_first_factor(handles[0], UUID(ALICE), NOON)
        stores.waiting_requests.set_signed_in(handles[1], stage.session.id)
        stores.waiting_requests.set_continued(handles[2], stage.session.id)
        stores.waiting_requests.set_first_factor(handles[3], UUID(BOB), NOON)
    with stage.auth.transaction() as stores:
        ends.end_user(stores, UUID(ALICE), reason=EndReason.PASSWORD_CHANGED, origin=HOME, now=NOON + SECOND)
    with stage.auth.autocommit() as stores:
        found = [stores.waiting_requests.find(handle, handle, NOON + SECOND) is not None for handle in handles]
        user, bob = stores.users.find(UUID(ALICE)), stores.users.find(UUID(BOB))
        sessions = [stores.sessions.find_by_cookie(s.cookie_hash) for s in (stage.session, cast.elsewhere)]
    assert found == [False, False, False, True]
    assert user is not None and user.tokens_valid_from == NOON + SECOND and user.disabled_at is None
    assert bob is not None and bob.tokens_valid_from is None
    assert [session.ended_at for session in sessions if session is not None] == [NOON + SECOND] * 2
    with stage.sql.autocommit() as db:
        assert db.execute(select(known_devices.c.user_id)).scalars().all() == [UUID(BOB)]
    assert redeem_again(stage, code.code_hash) is None


def redeem_again(stage: Stage, code_hash: bytes) -> object:
    with stage.auth.autocommit() as stores:
        code = stores.codes.find(code_hash)
    assert code is not None
    return redeem_code(stage.auth, code, seed=b"s" * 16, mac_kid=b"kid0", origin=HOME, now=NOON + 2 * SECOND)


@pytest.mark.parametrize("name", ["session", "user", "client disabled", "consent withdrawn"])
def test_a_code_in_flight_does_not_outlive_the_end_of_what_it_is_for(cast: Cast, name: str) -> None:
    mine = cast.stage.code(client_id="web" if name == "consent withdrawn" else "app")
    with cast.stage.auth.transaction() as stores:
        ENDS[name][0](cast.stage.session, stores)
    if name == "client disabled":
        with cast.stage.auth.transaction() as stores:
            assert ends.set_enabled(stores, "app", enabled=True, origin=None, now=NOON)
    assert redeem_again(cast.stage, mine.code_hash) is None


def test_enabling_again_brings_nothing_back(cast: Cast) -> None:
    for now, enabled, changed in ((NOON, False, True), (NOON, False, False), (LATER, True, True), (LATER, True, False)):
        with cast.stage.auth.transaction() as stores:
            assert ends.set_enabled(stores, UUID(ALICE), enabled=enabled, origin=None, now=now) is changed
    assert cast.ended() == ALICES
    with cast.stage.auth.autocommit() as stores:
        user = stores.users.find(UUID(ALICE))
    assert user is not None and user.disabled_at is None and user.tokens_valid_from == LATER


def test_a_user_who_is_not_there_is_not_disabled(cast: Cast) -> None:
    with cast.stage.auth.transaction() as stores:
        assert not ends.set_enabled(stores, UUID(int=9), enabled=False, origin=None, now=NOON)
        assert not ends.set_enabled(stores, "nobody", enabled=False, origin=None, now=NOON)
    assert cast.events() == []


def test_tokens_valid_from_never_goes_back(stage: Stage) -> None:
    for now in (LATER, NOON):
        with stage.auth.transaction() as stores:
            ends.end_user(stores, UUID(ALICE), reason=EndReason.LOGOUT, origin=None, now=now)
    with stage.auth.autocommit() as stores:
        user = stores.users.find(UUID(ALICE))
    assert user is not None and user.tokens_valid_from == LATER
