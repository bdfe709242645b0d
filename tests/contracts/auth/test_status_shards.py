"""The bits of the status list on the real SQL: their versions, and the places of machine clients."""

from datetime import timedelta

from services.auth import revocation as ends
from services.auth.tokens.end_reason import EndReason
from services.auth.tokens.status_list import StatusReference, set_bits
from tests.contracts.auth.conftest import HOME, NOON, Stage, bit, version

LATER = NOON + timedelta(minutes=1)


def test_a_machine_client_gets_a_new_place_after_each_end(stage: Stage) -> None:
    places = []
    for number in range(3):
        with stage.auth.transaction() as stores:
            assert stores.machine_statuses.find("app") is None
            drawn = stores.machine_statuses.draw("app", NOON)
            assert drawn is not None and stores.machine_statuses.draw("app", NOON) == drawn
            places.append(drawn)
        assert not bit(stage, drawn)
        with stage.auth.transaction() as stores:
            if number % 2:
                ends.end_client(stores, "app", reason=EndReason.CLIENT_REKEYED, origin=None, now=NOON)
            else:
                assert ends.end_machine_tokens(stores, "app", reason=EndReason.REVOKED_BY_CLIENT, origin=HOME, now=NOON)
                assert not ends.end_machine_tokens(
                    stores, "app", reason=EndReason.REVOKED_BY_CLIENT, origin=HOME, now=NOON
                )
        assert all(bit(stage, place) for place in places), "the old bits stay set"
    assert len(set(places)) == 3


def test_a_disabled_machine_client_has_no_place(stage: Stage) -> None:
    with stage.auth.transaction() as stores:
        drawn = stores.machine_statuses.draw("app", NOON)
        ends.set_enabled(stores, "app", enabled=False, origin=None, now=NOON)
        assert stores.machine_statuses.find("app") is None
        assert stores.machine_statuses.draw("app", NOON) is None
        assert stores.machine_statuses.draw("nobody", NOON) is None
    assert drawn is not None and bit(stage, drawn)


def test_families_and_machine_clients_never_share_a_place(stage: Stage) -> None:
    family = stage.family()
    with stage.auth.transaction() as stores:
        drawn = stores.machine_statuses.draw("app", NOON)
        found = stores.families.find(family.id)
    assert drawn is not None and found is not None and drawn.shard != found.status.shard


def test_a_version_moves_on_by_the_clock_and_never_back(stage: Stage) -> None:
    versions = []
    for moment in (NOON, NOON - timedelta(days=1), NOON, LATER):
        with stage.auth.transaction() as stores:
            stores.status_shards.revoke([StatusReference(0, 1)], moment)
        versions.append(version(stage))
    noon = int(NOON.timestamp() * 1000)
    assert versions == [noon, noon + 1, noon + 2, noon + 60_000]


def test_bits_are_counted_from_the_lowest_of_each_byte() -> None:
    """The example of the draft (s4.1): 0xB9 0xA3."""
    revoked = [0, 3, 4, 5, 7, 8, 9, 13, 15]
    assert set_bits(bytes(2), revoked, to=True) == b"\xb9\xa3"
    assert set_bits(b"\xb9\xa3", revoked, to=False) == bytes(2)
    assert set_bits(b"\xb9\xa3", [0, 15], to=False) == b"\xb8\x23"
