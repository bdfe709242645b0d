"""Several entries as one document: readers beside a writer, a process killed between two entries, damage."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

from mobile.authorization import Registration
from mobile.contents import Contents
from mobile.errors import StoreError
from mobile.faults import KilledError
from mobile.keychain import KeyringStore, trusted_backend
from tests.unit.mobile.keychains import FULL, NOW, REGISTRATION, TOKENS, Keychain

HEAD = ("company-sso mobile", "mobile-app https://auth.example")
SIGNED_IN = Contents(TOKENS)


@pytest.fixture
def keychain() -> Keychain:
    return Keychain()


@pytest.fixture
def store(tmp_path: Path, keychain: Keychain) -> KeyringStore:
    return KeyringStore(REGISTRATION, tmp_path, keychain)


def killed_before_change(keychain: Keychain, number: int) -> None:
    """Kill the process at the `number`th change from now on."""
    left = [number]

    def strike() -> None:
        left[0] -= 1
        if left[0] < 0:
            keychain.before_each = lambda: None
            raise KilledError

    keychain.before_each = strike


def test_each_registration_is_kept_apart(tmp_path: Path, store: KeyringStore, keychain: Keychain) -> None:
    store.save(FULL)

    assert KeyringStore(Registration("https://evil.example"), tmp_path, keychain).load() == Contents()


def test_app_that_reads_while_another_rotates_is_never_told_of_damage(
    tmp_path: Path, store: KeyringStore, keychain: Keychain
) -> None:
    store.save(FULL)
    reader = KeyringStore(REGISTRATION, tmp_path, keychain)  # as another process has it
    done = threading.Event()

    def rotate() -> None:
        for _ in range(20):
            with store.lock():
                store.save(FULL)
                store.save(SIGNED_IN)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(rotate)
        reads = 0
        while not done.is_set() or not reads:
            assert reader.load() in (FULL, SIGNED_IN)
            reads += 1
        writer.result()


def test_reader_waits_for_a_writer_that_is_between_two_entries(
    tmp_path: Path, store: KeyringStore, keychain: Keychain
) -> None:
    store.save(FULL)
    reader = KeyringStore(REGISTRATION, tmp_path, keychain)
    with ThreadPoolExecutor(1) as pool:
        with store.lock():
            store.save(SIGNED_IN)
            reading = pool.submit(reader.load)
            store.save(Contents(pending=FULL.pending))
        assert reading.result() == Contents(pending=FULL.pending)


@pytest.mark.parametrize("after", [SIGNED_IN, FULL, Contents()])
def test_process_killed_between_any_two_changes_leaves_the_old_or_the_new(
    tmp_path: Path, keychain: Keychain, after: Contents
) -> None:
    before = FULL if after != FULL else SIGNED_IN
    for number in range(100):
        KeyringStore(REGISTRATION, tmp_path, keychain).save(before)
        killed_before_change(keychain, number)
        try:
            KeyringStore(REGISTRATION, tmp_path, keychain).save(after)
        except KilledError:
            restarted = KeyringStore(REGISTRATION, tmp_path, keychain)
            assert restarted.load() in (before, after)
            restarted.save(Contents())
            assert keychain.entries == {}, f"left behind by a kill before change {number}"
            continue
        keychain.before_each = lambda: None
        assert number > 3
        return
    pytest.fail("the change never ended")


def test_sign_out_that_was_killed_is_finished_by_the_next_look(
    tmp_path: Path, store: KeyringStore, keychain: Keychain
) -> None:
    store.save(FULL)
    killed_before_change(keychain, 2)
    with pytest.raises(KilledError):
        store.save(Contents())
    assert keychain.entries

    assert KeyringStore(REGISTRATION, tmp_path, keychain).load() == Contents()
    assert keychain.entries == {}


def test_keychain_that_locks_in_the_middle_keeps_the_old_tokens(store: KeyringStore, keychain: Keychain) -> None:
    store.save(FULL)
    for writes in range(3):
        keychain.writes_left = writes
        with pytest.raises(StoreError, match="unlock it"):
            store.save(SIGNED_IN)
        assert store.load() == FULL


def test_keychain_that_refuses_to_remove_an_entry_is_not_taken_for_empty(
    store: KeyringStore, keychain: Keychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(FULL)

    def refuse(*_: str) -> None:
        raise PasswordDeleteError("denied")

    monkeypatch.setattr(keychain, "delete_password", refuse)
    with pytest.raises(StoreError, match="refused"):
        store.save(Contents())


def test_signed_out_keychain_holds_nothing(store: KeyringStore, keychain: Keychain) -> None:
    store.save(FULL)
    store.save(SIGNED_IN)
    store.save(Contents())

    assert keychain.entries == {}


@pytest.mark.parametrize(
    "head",
    [
        "",
        "x",
        "7",
        "[]",
        "{}",
        '["A", 1]',
        '["C", 1, "x"]',
        '["A", 0, "x"]',
        '["A", -1, "x"]',
        '["A", 1000000000, "x"]',
        '["A", "2", "x"]',
        '["A", 1, 7]',
        '[["A"], 1, "x"]',
        "[" * 100_000,
    ],
)
def test_damaged_head_is_told_and_sign_out_removes_all(store: KeyringStore, keychain: Keychain, head: str) -> None:
    store.save(FULL)
    keychain.entries[HEAD] = head

    with pytest.raises(StoreError, match="logout"):
        store.load()
    assert {item.token for item in store.salvage(NOW).to_revoke} == {"r" * 200, "d" * 100}
    store.save(Contents())
    assert keychain.entries == {}


@pytest.mark.parametrize("harm", ["missing", "changed", "swapped"])
def test_damaged_chunk_is_told(store: KeyringStore, keychain: Keychain, harm: str) -> None:
    store.save(FULL)
    slot, _, _ = json.loads(keychain.entries[HEAD])
    first, second = (HEAD[0], f"{HEAD[1]} {slot} 0"), (HEAD[0], f"{HEAD[1]} {slot} 1")
    if harm == "missing":
        del keychain.entries[second]
    elif harm == "changed":
        keychain.entries[second] = keychain.entries[second].replace("a", "b")
    else:
        keychain.entries[first], keychain.entries[second] = keychain.entries[second], keychain.entries[first]

    with pytest.raises(StoreError, match="logout"):
        store.load()
    store.save(SIGNED_IN)
    assert store.load() == SIGNED_IN


class Plaintext(Keychain):
    __module__ = "keyrings.alt.file"


class Subclassed(Plaintext):
    pass


@pytest.mark.parametrize("kind", [Plaintext, Subclassed, keyring.backends.null.Keyring, keyring.backends.fail.Keyring])
def test_keyring_that_protects_nothing_is_refused(kind: type[KeyringBackend]) -> None:
    with pytest.raises(StoreError, match="--store file"):
        trusted_backend(kind())


def test_of_a_chain_the_first_that_protects_is_used(keychain: Keychain) -> None:
    class Chain(Keychain):
        backends = (Plaintext(), keychain)

    assert trusted_backend(Chain()) is keychain


def test_keyring_whose_configuration_fails_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> KeyringBackend:
        raise ModuleNotFoundError("no such backend")

    monkeypatch.setattr("keyring.get_keyring", broken)
    with pytest.raises(StoreError, match="PYTHON_KEYRING_BACKEND"):
        KeyringStore(REGISTRATION, tmp_path)


def test_whatever_a_backend_raises_is_a_sentence(
    store: KeyringStore, keychain: Keychain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> None:
        raise RuntimeError("D-Bus has gone")

    monkeypatch.setattr(keychain, "get_password", fail)
    with pytest.raises(StoreError, match="RuntimeError"):
        store.load()
