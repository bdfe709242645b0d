"""The local CA is made once; its certificate is made anew by the same CA when its end is near."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.local_tls import LocalTls
from shared.certificates import CERTIFICATE_LIFETIME
from shared.errors import ConfigurationError

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def contents(tls: LocalTls) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in tls.directory.iterdir()}


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    tls = LocalTls(tmp_path / "tls")
    tls.make(NOW)
    made = contents(tls)
    tls.make(NOW + timedelta(days=30))
    assert contents(tls) == made
    assert set(made) == {"ca.key", "ca.crt", "tls.key", "tls.crt"}


def test_near_its_end_the_certificate_alone_is_made_anew(tmp_path: Path) -> None:
    tls = LocalTls(tmp_path / "tls")
    tls.make(NOW)
    made = contents(tls)
    tls.make(NOW + CERTIFICATE_LIFETIME)
    renewed = contents(tls)
    assert {name for name in made if made[name] != renewed[name]} == {"tls.crt"}


@pytest.mark.parametrize("name", ["ca.key", "ca.crt", "tls.key", "tls.crt"])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, name: str) -> None:
    tls = LocalTls(tmp_path / "tls")
    tls.make(NOW)
    (tls.directory / name).write_text("damaged", encoding="ascii")
    (tls.directory / "tls.crt").unlink() if name == "ca.key" else None
    with pytest.raises(ConfigurationError, match="damaged"):
        tls.make(NOW)


def test_a_directory_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file", encoding="ascii")
    with pytest.raises(ConfigurationError, match="tls: cannot be made"):
        LocalTls(tmp_path / "tls").make(NOW)
