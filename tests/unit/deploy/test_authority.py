"""The certificates, read as a client does that checks all of it."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from deploy.authority import (
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


def verify(certificate: bytes, name: str, authority: bytes = AUTHORITY, now: datetime = NOW) -> None:
    store = Store([x509.load_pem_x509_certificate(authority)])
    verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(name))
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


def test_a_certificate_is_kept_until_its_end_is_near() -> None:
    assert still_good(CERTIFICATE, AUTHORITY, KEY, NAMES, NOW)
    near = NOW + CERTIFICATE_LIFETIME - RENEW_BEFORE
    assert not still_good(CERTIFICATE, AUTHORITY, KEY, NAMES, near)


def test_a_certificate_of_other_names_another_key_or_another_authority_is_not() -> None:
    another = issue_authority(new_key(), "company.localhost", NOW)
    assert not still_good(CERTIFICATE, AUTHORITY, KEY, NAMES[:2], NOW)
    assert not still_good(CERTIFICATE, AUTHORITY, new_key(), NAMES, NOW)
    assert not still_good(CERTIFICATE, another, KEY, NAMES, NOW)
