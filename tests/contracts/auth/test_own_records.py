"""A person's own records on both backends: every look names the user (ADR-0118)."""

from datetime import timedelta
from uuid import UUID

from uuid_utils.compat import uuid7

from services.auth.audit import AuditEvent, Origin
from services.auth.revocation import end_others, end_own_family
from services.auth.tokens.end_reason import EndReason
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import NOON, Stage, bit, new_session

ME, OTHER = UUID(ALICE), UUID(BOB)
REASON = EndReason.ENDED_BY_USER


def test_sessions_are_the_users_own_and_live(stage: Stage) -> None:
    over = new_session(idle_expires_at=NOON)
    bobs = new_session(user_id=OTHER, network="192.0.2.9", agent="B")
    with stage.auth.transaction() as stores:
        for session in (over, bobs):
            stores.sessions.add(session)
        own = stores.own
        assert [each.id for each in own.sessions(ME, NOON)] == [stage.session.id]
        assert own.sessions(OTHER, NOON) == [bobs]
        assert own.session(ME, bobs.id) is None
        assert own.session(OTHER, bobs.id) == bobs
        assert stores.sessions.end(bobs.id, NOON)
        assert own.session(OTHER, bobs.id) is None


def test_an_app_is_the_users_own_and_ends_with_its_bit(stage: Stage) -> None:
    family = stage.family()
    with stage.auth.transaction() as stores:
        (shown,) = stores.own.installs(ME, NOON)
        assert (shown.id, shown.client_name, shown.network, shown.last_used) == (family.id, "App", "192.0.2.1", NOON)
        assert stores.own.installs(OTHER, NOON) == []
        assert stores.own.installs(ME, NOON + timedelta(days=31)) == []
        assert not end_own_family(stores, OTHER, family.id, reason=REASON, origin=None, now=NOON)
        state = stores.families.find(family.id)
        assert state is not None and state.revoked_at is None
        assert end_own_family(stores, ME, family.id, reason=REASON, origin=None, now=NOON)
        assert not end_own_family(stores, ME, family.id, reason=REASON, origin=None, now=NOON)
    assert bit(stage, state.status)


def test_the_end_of_all_others_spares_one_session_and_its_families(stage: Stage) -> None:
    other, bobs = new_session(), new_session(user_id=OTHER)
    with stage.auth.transaction() as stores:
        stores.sessions.add(other)
        stores.sessions.add(bobs)
    kept = stage.family()
    gone = stage.family(session_id=other.id)
    code = stage.code(session_id=other.id)
    with stage.auth.transaction() as stores:
        assert end_others(stores, stage.session, reason=REASON, origin=None, now=NOON) == 2
        assert [each.id for each in stores.own.sessions(ME, NOON)] == [stage.session.id]
        assert [each.id for each in stores.own.installs(ME, NOON)] == [kept.id]
        assert len(stores.own.sessions(OTHER, NOON)) == 1
        ended = stores.families.find(gone.id)
        assert ended is not None and ended.revoked_at == NOON
        found = stores.codes.find(code.code_hash)
        assert found is not None and found.expires_at == NOON
        assert end_others(stores, stage.session, reason=REASON, origin=None, now=NOON) == 0
    assert bit(stage, ended.status)


def test_consents_are_shown_by_client_with_all_their_scopes(stage: Stage) -> None:
    with stage.auth.transaction() as stores:
        stores.consents.add(ME, "app", frozenset({"openid"}), NOON)
        stores.consents.add(ME, "app", frozenset({"profile"}), NOON + timedelta(days=1))
        (shown,) = stores.own.apps(ME)
        assert (shown.client_id, shown.scopes, shown.since) == ("app", frozenset({"openid", "profile"}), NOON)
        assert stores.own.apps(OTHER) == []


def test_events_are_the_users_own_of_the_names_that_are_asked_for(stage: Stage) -> None:
    with stage.auth.transaction() as stores:
        for number, (user_id, name) in enumerate(((ME, "signed_in"), (ME, "quiet"), (OTHER, "signed_in")) * 2):
            at = NOON + timedelta(minutes=number)
            stores.audit.record(AuditEvent(name, at, user_id=user_id, client_id="app", origin=Origin("192.0.2.1", "B")))
        names = frozenset({"signed_in"})
        newest, oldest = stores.own.events(ME, names, before=None, limit=10)
        assert newest.at > oldest.at
        assert (newest.client_name, newest.network, newest.agent) == ("App", "192.0.2.1", "B")
        assert stores.own.events(ME, names, before=newest.id, limit=10) == [oldest]
        assert stores.own.events(ME, names, before=None, limit=1) == [newest]
        assert stores.own.events(UUID(bytes=uuid7().bytes), names, before=None, limit=10) == []
