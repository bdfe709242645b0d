"""Where tokens lie, who can read them there, and what a crash leaves."""

import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path

import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

from mobile.authorization import PendingSignIn, Registration
from mobile.errors import ForeignStore, StoreError
from mobile.store import Contents, FileStore, KeyringStore, TokenStore, trusted_backend
from mobile.tokens import Tokens

REGISTRATION = Registration("https://auth.example")
NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOKENS = Tokens("a" * 1_500, "r" * 200, "i" * 1_100, NOW, "openid")
PENDING = PendingSignIn.begin("myapp://callback", NOW)
FULL = Contents(TOKENS, {PENDING.state: PENDING})


class Keychain(KeyringBackend):
    """A keychain in memory, with the limit of Windows' Credential Locker."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # keyring has no types there
        self.entries: dict[tuple[str, str], str] = {}
        self.writes_left = 100

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        assert len(password.encode("utf-16-le")) <= 2_560
        if self.writes_left == 0:
            raise KeyringLocked("locked")
        self.writes_left -= 1
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if (service, username) not in self.entries:
            raise PasswordDeleteError("not there")
        del self.entries[service, username]


@pytest.fixture
def keychain() -> Keychain:
    return Keychain()


@pytest.fixture(params=["file", "keyring"])
def store(request: pytest.FixtureRequest, tmp_path: Path, keychain: Keychain) -> TokenStore:
    if request.param == "file":
        return FileStore(REGISTRATION, tmp_path / "app" / "tokens.json")
    return KeyringStore(REGISTRATION, tmp_path / "app", keychain)


def test_what_is_saved_is_loaded(store: TokenStore) -> None:
    assert store.load() == Contents()

    store.save(FULL)
    assert store.load() == FULL

    store.save(Contents())
    assert store.load() == Contents()


def test_lock_excludes_other_threads_and_other_holders_of_the_same_place(tmp_path: Path) -> None:
    stores = [FileStore(REGISTRATION, tmp_path / "tokens.json") for _ in range(2)]
    inside: list[int] = []
    crowds: list[list[int]] = []

    def enter(store: TokenStore, me: int) -> None:
        for _ in range(10):
            with store.lock():
                inside.append(me)
                crowds.append(list(inside))
                inside.remove(me)

    threads = [threading.Thread(target=enter, args=(stores[me % 2], me)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(crowds) == 40
    assert all(len(crowd) == 1 for crowd in crowds)


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "app" / "tokens.json"
    before = os.umask(0)
    try:
        FileStore(REGISTRATION, path).save(FULL)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "tokens.json"
    store = FileStore(REGISTRATION, path)
    store.save(FULL)
    path.chmod(mode)

    with pytest.raises(StoreError, match="chmod 600"):
        store.load()


def test_failed_write_leaves_the_old_text_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(REGISTRATION, tmp_path / "tokens.json")
    store.save(FULL)

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mobile.store.os.fsync", full_disk)
    with pytest.raises(StoreError, match="No space"):
        store.save(Contents(TOKENS))

    assert store.load() == FULL
    assert [file.name for file in tmp_path.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"profile": 1, "tokens": 7, "pending": {}}', "\x00"])
def test_damaged_file_is_an_error_and_not_a_crash(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")

    with pytest.raises(StoreError):
        FileStore(REGISTRATION, path).load()


def test_tokens_of_one_provider_are_never_loaded_for_another(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    FileStore(REGISTRATION, path).save(FULL)

    for other in (Registration("https://evil.example"), Registration("https://auth.example", client_id="other")):
        with pytest.raises(ForeignStore):
            FileStore(other, path).load()


def test_keychain_keeps_each_registration_apart(tmp_path: Path, keychain: Keychain) -> None:
    KeyringStore(REGISTRATION, tmp_path, keychain).save(FULL)

    assert KeyringStore(Registration("https://evil.example"), tmp_path, keychain).load() == Contents()


def test_keychain_that_locks_in_the_middle_keeps_the_old_tokens(tmp_path: Path, keychain: Keychain) -> None:
    store = KeyringStore(REGISTRATION, tmp_path, keychain)
    store.save(FULL)
    for writes in range(3):
        keychain.writes_left = writes
        with pytest.raises(StoreError, match="locked"):
            store.save(Contents(TOKENS))
        assert store.load() == FULL


def test_signed_out_keychain_holds_nothing(tmp_path: Path, keychain: Keychain) -> None:
    store = KeyringStore(REGISTRATION, tmp_path, keychain)
    store.save(FULL)
    store.save(Contents(TOKENS))
    store.save(Contents())

    assert keychain.entries == {}


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


def test_no_repr_shows_a_token() -> None:
    shown = repr(FULL)

    for secret in (TOKENS.access_token, TOKENS.refresh_token, TOKENS.id_token, PENDING.verifier, PENDING.nonce):
        assert str(secret) not in shown
