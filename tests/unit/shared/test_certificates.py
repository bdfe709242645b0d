"""The certificates, read as a client does that checks all of it."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from shared.certificates import (
    CERTIFICATE_LIFETIME,
    RENEW_BEFORE,
    domain_of,
    issue_authority,
    issue_certificate,
    new_key,
    still_good,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = ["auth.company.localhost", "crm.company.localhost", "orders.company.localhost"]

AUTHORITY_KEY, KEY = new_key(), new_key()
AUTHORITY = issue_authority(AUTHORITY_KEY, "company.localhost", NOW)
CERTIFICATE = issue_certificate(AUTHORITY, AUTHORITY_KEY, KEY, NAMES, NOW)


MACHINE = ["localhost", "127.0.0.1", "::1"]
MACHINES_AUTHORITY = issue_authority(AUTHORITY_KEY, "localhost", NOW, MACHINE[1:])


def verify(certificate: bytes, name: str, authority: bytes = AUTHORITY, now: datetime = NOW) -> None:
    store = Store([x509.load_pem_x509_certificate(authority)])
    try:
        subject: x509.DNSName | x509.IPAddress = x509.IPAddress(ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    verifier = PolicyBuilder().store(store).time(now).build_server_verifier(subject)
    verifier.verify(x509.load_pem_x509_certificate(certificate), [])


@pytest.mark.parametrize("name", NAMES)
def test_the_three_names_are_covered(name: str) -> None:
    verify(CERTIFICATE, name)
    verify(CERTIFICATE, name, now=NOW + CERTIFICATE_LIFETIME - timedelta(days=1))


def test_no_other_name_is() -> None:
    with pytest.raises(VerificationError):
        verify(CERTIFICATE, "other.company.localhost")


def test_the_authority_cannot_speak_for_the_world() -> None:
    abroad = issue_certificate(AUTHORITY, AUTHORITY_KEY, KEY, ["bank.example"], NOW)
    with pytest.raises(VerificationError):
        verify(abroad, "bank.example")
    assert domain_of(AUTHORITY) == "company.localhost"


@pytest.mark.parametrize("address", ["1.1.1.1", "127.0.0.1", "2606:4700::1111"])
def test_nor_for_an_address(address: str) -> None:
    """A constraint on names alone leaves addresses free (RFC 5280 s4.2.1.10)."""
    ip = x509.IPAddress(ip_address(address))
    good, authority = x509.load_pem_x509_certificate(CERTIFICATE), x509.load_pem_x509_certificate(AUTHORITY)
    builder = x509.CertificateBuilder(good.issuer, good.subject, good.public_key(), good.serial_number)
    builder = builder.not_valid_before(good.not_valid_before_utc).not_valid_after(good.not_valid_after_utc)
    for extension in good.extensions:
        mine = isinstance(extension.value, x509.SubjectAlternativeName)
        builder = builder.add_extension(
            x509.SubjectAlternativeName([ip]) if mine else extension.value, extension.critical
        )
    key = serialization.load_pem_private_key(AUTHORITY_KEY, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    forged = builder.sign(key, hashes.SHA256())
    verifier = PolicyBuilder().store(Store([authority])).time(NOW).build_server_verifier(ip)
    with pytest.raises(VerificationError):
        verifier.verify(forged, [])


@pytest.mark.parametrize("name", MACHINE)
def test_an_authority_may_be_made_for_addresses_too(name: str) -> None:
    certificate = issue_certificate(MACHINES_AUTHORITY, AUTHORITY_KEY, KEY, MACHINE, NOW)
    verify(certificate, name, MACHINES_AUTHORITY)
    assert still_good(certificate, MACHINES_AUTHORITY, KEY, MACHINE, NOW)
    assert not still_good(certificate, MACHINES_AUTHORITY, KEY, MACHINE[:2], NOW)
    assert domain_of(MACHINES_AUTHORITY) == "localhost"


@pytest.mark.parametrize("name", ["127.0.0.2", "192.168.0.1", "::2", "bank.example"])
def test_and_then_speaks_for_no_other(name: str) -> None:
    certificate = issue_certificate(MACHINES_AUTHORITY, AUTHORITY_KEY, KEY, [name], NOW)
    with pytest.raises(VerificationError):
        verify(certificate, name, MACHINES_AUTHORITY)


def test_a_certificate_is_kept_until_its_end_is_near() -> None:
    assert still_good(CERTIFICATE, AUTHORITY, KEY, NAMES, NOW)
    near = NOW + CERTIFICATE_LIFETIME - RENEW_BEFORE
    assert not still_good(CERTIFICATE, AUTHORITY, KEY, NAMES, near)


def test_a_certificate_of_other_names_another_key_or_another_authority_is_not() -> None:
    another = issue_authority(new_key(), "company.localhost", NOW)
    assert not still_good(CERTIFICATE, AUTHORITY, KEY, NAMES[:2], NOW)
    assert not still_good(CERTIFICATE, AUTHORITY, new_key(), NAMES, NOW)
    assert not still_good(CERTIFICATE, another, KEY, NAMES, NOW)
