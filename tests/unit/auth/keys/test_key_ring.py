"""Key rings: parsed from a setting, made in local mode, never shown."""

import stat
from pathlib import Path

import pytest

from services.auth.keys.key_ring import KEY_BYTES, KeyRing, key_id, load_key_ring, parse_key_ring
from services.auth.opaque_token import b64url
from shared.errors import ConfigurationError

FIRST, SECOND = b"1" * KEY_BYTES, b"2" * KEY_BYTES


def test_the_first_key_is_used_and_every_one_is_understood() -> None:
    ring = parse_key_ring(f" {b64url(FIRST)} , {b64url(SECOND)}\n", "AUTH_KEYS")
    assert ring.current_key == FIRST
    assert ring.keys == {key_id(FIRST): FIRST, key_id(SECOND): SECOND}


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        b64url(FIRST) + ",",
        b64url(FIRST)[:-1],
        b64url(FIRST[:-1]),
        b64url(FIRST + b"x"),
        b64url(FIRST) + "=",
        b64url(b"\xff" * 32).replace("_", "/"),
        b64url(FIRST)[:-2] + "\u00e9!",
        "a key that somebody typed in plain words",
    ],
)
def test_a_bad_ring_is_refused_without_showing_a_key(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_KEYS: ") as error:
        parse_key_ring(text, "AUTH_KEYS")
    parts = [part.strip() for part in text.split(",") if len(part.strip()) > 8]
    assert not any(part in str(error.value) or part in str(error.value.__cause__) for part in parts)


def test_a_ring_never_shows_its_keys() -> None:
    assert b64url(FIRST) not in repr(KeyRing.of(FIRST))
    assert "111" not in repr(KeyRing.of(FIRST))


def test_without_a_setting_production_does_not_start() -> None:
    with pytest.raises(ConfigurationError, match=r"^AUTH_KEYS: is not set; .*AUTH_KEYS_FILE"):
        load_key_ring("", name="AUTH_KEYS", local_file=None)


def test_local_mode_makes_a_key_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "keys"
    made = load_key_ring("", name="AUTH_KEYS", local_file=file)
    assert load_key_ring("", name="AUTH_KEYS", local_file=file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_a_setting_wins_over_the_local_file(tmp_path: Path) -> None:
    ring = load_key_ring(b64url(FIRST), name="AUTH_KEYS", local_file=tmp_path / "keys")
    assert ring == KeyRing.of(FIRST)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\xff\xfe"])
def test_a_spoilt_local_file_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"^AUTH_KEYS: "):
        load_key_ring("", name="AUTH_KEYS", local_file=file)


def test_a_local_file_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"^AUTH_KEYS: .*cannot be used"):
        load_key_ring("", name="AUTH_KEYS", local_file=tmp_path / "file" / "keys")
