"""A stack's own certificate authority, and the one certificate that its servers show.

The authority may speak for one domain alone (name constraints), and for the addresses that it is made with, so that a
machine that trusts it trusts it for these names and for nothing else. It signs no further authority.

Spec: RFC 5280 s4.2.1.10 (name constraints), s4.2.1.9 (basic constraints)
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from shared.errors import ConfigurationError

AUTHORITY_LIFETIME = timedelta(days=3650)
#: The most that Apple's systems accept of an authority that a user has added.
CERTIFICATE_LIFETIME = timedelta(days=825)
#: A certificate that ends sooner is made anew.
RENEW_BEFORE = timedelta(days=30)
_BACKDATED = timedelta(hours=1)  # a phone's clock may be a little behind


def new_key() -> bytes:
    """Return a new P-256 private key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


#: Excluded by name: what permits some names says nothing of addresses (RFC 5280 s4.2.1.10).
_EVERY_ADDRESS = [x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))]


def issue_authority(key_pem: bytes, domain: str, now: datetime, addresses: Iterable[str] = ()) -> bytes:
    """Return the self-signed certificate of an authority for `domain`, the names under it and `addresses`, PEM."""
    key = _private_key(key_pem)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Company SSO local authority ({domain})")])
    public = key.public_key()
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    permitted = [x509.IPAddress(ip_network(address)) for address in addresses]
    excluded = None if permitted else _EVERY_ADDRESS  # where some are permitted, the others are not
    builder = (
        _started(name, name, public, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.NameConstraints([x509.DNSName(domain), *permitted], excluded), critical=True)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def issue_certificate(
    authority_pem: bytes, authority_key_pem: bytes, key_pem: bytes, names: list[str], now: datetime
) -> bytes:
    """Return the server certificate for `names` (of hosts, or addresses), signed by the authority, PEM."""
    authority = x509.load_pem_x509_certificate(authority_pem)
    authority_key = _private_key(authority_key_pem)
    public = _private_key(key_pem).public_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    usage = _key_usage(digital_signature=True)
    builder = (
        _started(subject, authority.subject, public, now, CERTIFICATE_LIFETIME)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def domain_of(authority_pem: bytes) -> str:
    """Return the domain that the authority may speak for."""
    authority = x509.load_pem_x509_certificate(authority_pem)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    (domain,) = (tree.value for tree in constraints.permitted_subtrees or [] if isinstance(tree, x509.DNSName))
    return str(domain)


def still_good(certificate_pem: bytes, authority_pem: bytes, key_pem: bytes, names: list[str], now: datetime) -> bool:
    """Tell whether the certificate is the authority's, for this key and these names, and lasts for a while."""
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    try:
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority_pem))
    except Exception:  # noqa: BLE001 - whatever it was, it is not this authority's
        return False
    covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        certificate.public_key() == _private_key(key_pem).public_key()
        and set(covered) == set(map(_general_name, names))
        and now + RENEW_BEFORE < certificate.not_valid_after_utc
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _started(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now - _BACKDATED + lifetime)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except ValueError as error:
        raise ConfigurationError("a private key of the certificates is damaged: remove both") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError("a private key of the certificates is none of ours: remove both")
    return key
