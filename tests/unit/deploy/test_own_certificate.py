"""A certificate of the operator's own is looked at before the proxy shows it."""

import ssl
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from deploy.init import main
from shared.certificates import issue_authority, issue_certificate, new_key
from shared.clock import Clock
from tests.unit.deploy.test_init import VOLUMES

NOW = Clock().now()
NAMES = [f"{service}.company.localhost" for service in ("auth", "crm", "orders")]
KEY, AUTHORITY_KEY = new_key(), new_key()


def certificate(names: list[str], now: datetime = NOW) -> bytes:
    authority = issue_authority(AUTHORITY_KEY, "company.localhost", now)
    return issue_certificate(authority, AUTHORITY_KEY, KEY, names, now) + authority


@pytest.fixture
def init(tmp_path: Path) -> Callable[[bytes, bytes], int]:
    for volume in (*VOLUMES, "own-proxy"):
        (tmp_path / volume).mkdir()

    def run(chain: bytes, key: bytes) -> int:
        (tmp_path / "own-proxy" / "tls.crt").write_bytes(chain)
        (tmp_path / "own-proxy" / "tls.key").write_bytes(key)
        return main(["--root", str(tmp_path), "--domain=company.localhost"])

    return run


@pytest.mark.parametrize("names", [NAMES, ["*.company.localhost"]])
def test_a_good_one_is_trusted_by_the_services(
    init: Callable[[bytes, bytes], int], tmp_path: Path, names: list[str]
) -> None:
    own = certificate(names)
    assert init(own, KEY) == 0
    ssl.create_default_context(cafile=str(tmp_path / "ca" / "trusted-ca.crt"))
    trusted = (tmp_path / "ca" / "trusted-ca.crt").read_bytes()
    assert own in trusted
    assert (tmp_path / "ca" / "ca.crt").read_bytes() in trusted


def test_none_changes_nothing(init: Callable[[bytes, bytes], int], tmp_path: Path) -> None:
    assert init(b"", b"") == 0
    assert not (tmp_path / "ca" / "trusted-ca.crt").exists()


@pytest.mark.parametrize(
    ("chain", "key", "said"),
    [
        (certificate(NAMES), b"", "HTTPS_CERT_FILE, HTTPS_KEY_FILE: set both or neither"),
        (b"", KEY, "HTTPS_CERT_FILE, HTTPS_KEY_FILE: set both or neither"),
        (b"hello", KEY, "HTTPS_CERT_FILE: is not a certificate in PEM"),
        (certificate(NAMES), b"hello", "HTTPS_KEY_FILE: is not a private key in PEM without a password"),
        (certificate(NAMES), new_key(), "HTTPS_KEY_FILE: is not the key of the first certificate in HTTPS_CERT_FILE"),
        (certificate(NAMES[:2]), KEY, "HTTPS_CERT_FILE: the certificate is not for orders.company.localhost"),
        (certificate(NAMES, NOW - timedelta(days=900)), KEY, "HTTPS_CERT_FILE: the certificate is out of date"),
    ],
)
def test_a_wrong_one_is_named(
    init: Callable[[bytes, bytes], int], capsys: pytest.CaptureFixture[str], chain: bytes, key: bytes, said: str
) -> None:
    assert init(chain, key) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"init: {said}")
