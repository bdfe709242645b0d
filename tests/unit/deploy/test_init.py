"""Secrets are made once, each for its reader, and a lost key is never replaced in silence."""

import base64
from pathlib import Path

import pytest

from deploy.init import SERVICES, main
from shared.errors import ConfigurationError
from shared.secret_files import follow, made_once

VOLUMES = (
    "ca-key",
    "ca",
    "proxy",
    "postgres",
    "valkey",
    "orders-client",
    "auth-database",
    *SERVICES,
    *(f"{service}-owner" for service in SERVICES),
)
#: One volume for each role's address of its database; auth's is apart from its keys.
DATABASES = ("auth-database", "crm", "orders", *(f"{service}-owner" for service in SERVICES))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for volume in VOLUMES:
        (tmp_path / volume).mkdir()
    return tmp_path


def init(root: Path, domain: str = "company.localhost") -> int:
    return main(["--root", str(root), f"--domain={domain}"])


def contents(root: Path) -> dict[str, bytes]:
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_each_volume_holds_what_its_reader_needs(root: Path) -> None:
    assert init(root) == 0
    made = {name: text.decode() for name, text in contents(root).items()}
    assert set(made) == {
        "ca-key/ca.key",
        "ca-key/initialised",
        "ca/ca.crt",
        "proxy/tls.key",
        "proxy/tls.crt",
        "postgres/password",
        "valkey/password",
        "valkey/valkey.conf",
        "auth/key-encryption-keys",
        "auth/refresh-mac-keys",
        "auth/valkey-url",
        "orders-client/client-secret",
        *(f"{volume}/database-url" for volume in DATABASES),
    }
    assert {name for name, text in made.items() if "PRIVATE KEY" in text} == {"ca-key/ca.key", "proxy/tls.key"}
    for name in ("key-encryption-keys", "refresh-mac-keys"):
        assert len(base64.urlsafe_b64decode(made[f"auth/{name}"] + "=")) == 32
    urls = {text for name, text in made.items() if name.endswith("database-url")}
    assert len({url.split(":")[2].partition("@")[0] for url in urls}) == 6
    assert made["valkey/password"] in made["valkey/valkey.conf"]
    assert made["valkey/password"] in made["auth/valkey-url"]
    for file in root.rglob("*"):
        if file.is_file():
            assert file.stat().st_mode & 0o777 == 0o440, file


def test_a_second_run_changes_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(root)
    before = contents(root)
    capsys.readouterr()
    assert init(root) == 0
    assert contents(root) == before
    assert capsys.readouterr().out == "nothing to do\n"


@pytest.mark.parametrize("name", ["key-encryption-keys", "refresh-mac-keys"])
def test_a_lost_key_is_not_made_anew(root: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    init(root)
    (root / "auth" / name).unlink()
    assert init(root) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"init: {root}/auth/{name}: was made before and is gone; restore it from its backup")
    assert not (root / "auth" / name).exists()


def test_a_lost_password_is_made_anew(root: Path) -> None:
    init(root)
    before = contents(root)
    (root / "crm" / "database-url").unlink()
    assert init(root) == 0
    after = contents(root)
    assert {name for name in after if after[name] != before[name]} == {"crm/database-url"}


def test_an_empty_secret_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(root)
    (root / "postgres" / "password").unlink()
    (root / "postgres" / "password").touch()
    assert init(root) == 1
    assert capsys.readouterr().err == f"init: {root}/postgres/password: is empty; remove it, and it is made anew\n"


def test_a_missing_volume_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "valkey").rmdir()
    assert init(root) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"init: {root}/valkey/password: No such file or directory; this user must be able")


@pytest.mark.parametrize(
    "domain", ["", "Company.localhost", "a..b", "-a.example", "example.com.", "exa mple", "a" * 64]
)
def test_a_domain_that_is_none(root: Path, capsys: pytest.CaptureFixture[str], domain: str) -> None:
    assert init(root, domain) == 1
    assert "DOMAIN: " in capsys.readouterr().err
    assert contents(root) == {}


def test_an_authority_of_another_domain_is_kept(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(root)
    before = contents(root)
    assert init(root, "example.com") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "DOMAIN: is example.com, but the authority in place may speak for company.localhost alone" in line
    assert contents(root) == before


def test_of_two_makers_the_first_ones_stays(tmp_path: Path) -> None:
    def slow() -> bytes:
        (tmp_path / "secret").write_bytes(b"the first one's")
        return b"the second one's"

    assert made_once(tmp_path / "secret", slow) == b"the first one's"
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_what_follows_is_written_only_when_it_differs(tmp_path: Path) -> None:
    assert follow(tmp_path / "derived", b"one")
    assert not follow(tmp_path / "derived", b"one")
    assert follow(tmp_path / "derived", b"two")
    assert (tmp_path / "derived").read_bytes() == b"two"


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails() -> bytes:
        raise ConfigurationError("no")

    with pytest.raises(ConfigurationError):
        made_once(tmp_path / "secret", fails)
    assert list(tmp_path.iterdir()) == []
