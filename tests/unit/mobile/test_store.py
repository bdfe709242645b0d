"""Where tokens are kept, who can read them there, what a crash leaves, and what damage is answered with."""

import json
import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from mobile.authorization import Registration
from mobile.contents import Contents
from mobile.errors import ForeignStore, StoreError
from mobile.keychain import KeyringStore
from mobile.store import FileStore, TokenStore
from tests.unit.mobile.keychains import FULL, NOW, PENDING, REGISTRATION, TOKENS, Keychain


@pytest.fixture(params=["file", "keyring"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> TokenStore:
    if request.param == "file":
        return FileStore(REGISTRATION, tmp_path / "app" / "tokens.json")
    return KeyringStore(REGISTRATION, tmp_path / "app", Keychain())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokens.json"
    FileStore(REGISTRATION, path).save(FULL)
    return path


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
            with store.lock(), store.lock():  # again by its holder: goes on
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
def test_file_that_others_can_reach_is_refused_and_its_tokens_can_be_ended(file: Path, mode: int) -> None:
    store = FileStore(REGISTRATION, file)
    file.chmod(mode)

    with pytest.raises(StoreError, match="chmod 600"):
        store.load()
    assert {item.token for item in store.salvage(NOW).to_revoke} == {"r" * 200, "d" * 100}


def test_failed_write_leaves_the_old_text_and_no_litter(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FileStore(REGISTRATION, file)

    def full_disk(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mobile.store.os.fsync", full_disk)
    with pytest.raises(StoreError, match="No space"):
        store.save(Contents(TOKENS))

    assert store.load() == FULL
    assert [file.name for file in file.parent.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{}", "7", "null", '"x"', '{"profile": 1, "tokens": 7, "pending": {}}', "\x00", "[" * 99_999],
)
def test_damaged_file_is_an_error_and_not_a_crash(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")

    with pytest.raises(StoreError, match="logout"):
        FileStore(REGISTRATION, path).load()


NO_TOKEN: list[Any] = [None, 1, "", "é", "a\nb", "\ud800"]
NO_MOMENT: list[Any] = [
    None,
    5,
    "soon",
    "2030-01-01T00:00:00",
    "0001-01-01T00:00:00+00:00",
    "9999-12-31T23:59:59+00:00",
]
WAITING = ("pending", PENDING.state)
REVOKED = "2030-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("where", "value"),
    [
        *[(("tokens", name), bad) for name in ("access_token", "id_token") for bad in NO_TOKEN],
        *[(("tokens", "refresh_token"), bad) for bad in NO_TOKEN[1:]],
        *[(("tokens", "id_token"), bad) for bad in ("x", "a.b.c", "e30.e30.x", "eyJhbGciOiJub25lIn0.W10.x")],
        *[(("tokens", "expires_at"), bad) for bad in NO_MOMENT],
        (("tokens", "scope"), None),
        (("tokens", "more"), 1),
        (("tokens",), []),
        (("tokens",), {}),
        (("tokens",), "x"),
        (("tokens",), False),
        (("pending",), []),
        (("pending",), None),
        (("pending",), {"x": None}),
        (("pending",), {"another state": PENDING.to_json()}),
        *[((*WAITING, name), 7) for name in ("state", "verifier", "nonce", "redirect_uri", "subject")],
        *[((*WAITING, "begun_at"), bad) for bad in NO_MOMENT],
        (("to_revoke",), None),
        (("to_revoke",), 5),
        (("to_revoke",), ["x"]),
        *[(("to_revoke",), [{"token": bad, "dropped_at": REVOKED}]) for bad in NO_TOKEN],
        *[(("to_revoke",), [{"token": "x", "dropped_at": bad}]) for bad in NO_MOMENT],
        (("profile",), 7),
        (("profile",), {}),
    ],
)
def test_damage_that_is_valid_json_is_an_error_and_not_a_crash(file: Path, where: tuple[str, ...], value: Any) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    inside = document
    for name in where[:-1]:
        inside = inside[name]
    inside[where[-1]] = value
    file.write_text(json.dumps(document), encoding="utf-8")

    with pytest.raises(StoreError, match="logout"):
        FileStore(REGISTRATION, file).load()


@pytest.mark.parametrize("content", [b"\xff\xfe{", "{}".encode("utf-16"), b"\xef\xbb\xbf{}"])
def test_file_in_another_encoding_is_damaged(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(StoreError, match="logout"):
        FileStore(REGISTRATION, file).load()


def test_tokens_of_a_cut_file_can_still_be_ended(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text[: text.index('"id_token"')], encoding="utf-8")
    store = FileStore(REGISTRATION, file)

    with pytest.raises(StoreError):
        store.load()
    assert [item.token for item in store.salvage(NOW).to_revoke] == ["r" * 200]


def test_nothing_is_salvaged_from_what_is_not_ours(file: Path) -> None:
    file.write_text('{"refresh_token": "of-somebody"}', encoding="utf-8")
    assert FileStore(REGISTRATION, file).salvage(NOW) == Contents()

    FileStore(REGISTRATION, file).save(FULL)
    assert FileStore(Registration("https://evil.example"), file).salvage(NOW) == Contents()


def test_place_that_cannot_be_a_file_is_a_sentence_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "file").touch()

    for path in (tmp_path / "directory", tmp_path / "file" / "tokens.json"):
        with pytest.raises(StoreError, match="--store-path"):
            FileStore(REGISTRATION, path).load()
    with pytest.raises(StoreError, match="--store-path"), FileStore(REGISTRATION, tmp_path / "file" / "t").lock():
        pass


@pytest.mark.parametrize("damage", [{}, {"tokens": 7}, {"pending": 7}])
def test_tokens_of_one_provider_are_never_loaded_for_another(file: Path, damage: dict[str, Any]) -> None:
    """Not even a damaged store of another's is taken for ours: sign-out would empty it."""
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(document | damage), encoding="utf-8")

    for other in (Registration("https://evil.example"), Registration("https://auth.example", client_id="other")):
        with pytest.raises(ForeignStore):
            FileStore(other, file).load()


def test_tokens_to_revoke_are_bounded() -> None:
    contents = Contents()
    for number in range(60):
        contents = contents.dropping(f"token-{number}", NOW)
    contents = contents.dropping("token-59", NOW)

    assert len(contents.to_revoke) == 50
    assert contents.to_revoke[-1].token == "token-59"
    assert [item.token for item in contents.to_revoke].count("token-59") == 1


def test_no_repr_shows_a_token() -> None:
    shown = repr(FULL)

    for secret in (
        TOKENS.access_token,
        TOKENS.refresh_token,
        TOKENS.id_token,
        PENDING.verifier,
        PENDING.nonce,
        "ddddd",
    ):
        assert str(secret) not in shown
