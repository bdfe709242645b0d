"""The operator's own certificate (HTTPS_CERT_FILE, HTTPS_KEY_FILE): looked at before the proxy shows it.

A wrong one would be found by the first phone; here it is one line that says what to change.

Policy: ADR-0080
"""

import ssl
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from shared.errors import ConfigurationError


def read_own_certificate(folder: Path, names: list[str], now: datetime) -> bytes | None:
    """Return the chain in `folder`/tls.crt, PEM, the server's first; None when neither file was given.

    Raises:
        ConfigurationError: it cannot be read, is not the key's, lacks one of `names`, or is out of date.
    """
    chain_pem, key_pem = _read(folder / "tls.crt", "HTTPS_CERT_FILE"), _read(folder / "tls.key", "HTTPS_KEY_FILE")
    if not chain_pem and not key_pem:
        return None
    if not chain_pem or not key_pem:
        raise ConfigurationError("HTTPS_CERT_FILE, HTTPS_KEY_FILE: set both or neither")
    try:
        certificate = x509.load_pem_x509_certificates(chain_pem)[0]
    except ValueError as error:
        raise ConfigurationError("HTTPS_CERT_FILE: is not a certificate in PEM") from error
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError) as error:
        raise ConfigurationError("HTTPS_KEY_FILE: is not a private key in PEM without a password") from error
    if key.public_key() != certificate.public_key():
        raise ConfigurationError("HTTPS_KEY_FILE: is not the key of the first certificate in HTTPS_CERT_FILE")
    if missing := [name for name in names if not _covers(certificate, name)]:
        raise ConfigurationError(f"HTTPS_CERT_FILE: the certificate is not for {', '.join(missing)}")
    if not certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc:
        until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
        raise ConfigurationError(f"HTTPS_CERT_FILE: the certificate is out of date (it ends {until}); renew it")
    return chain_pem


def system_roots() -> bytes:
    """Return the authorities that this system trusts, PEM; empty without any."""
    file = ssl.get_default_verify_paths().openssl_cafile
    for candidate in (Path("/etc/ssl/certs/ca-certificates.crt"), Path(file)):
        if candidate.is_file():
            return candidate.read_bytes()
    return b""


def _covers(certificate: x509.Certificate, name: str) -> bool:
    try:
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    covered = {text.lower() for text in named.get_values_for_type(x509.DNSName)}
    return name in covered or f"*.{name.partition('.')[2]}" in covered


def _read(file: Path, setting: str) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        remedy = "it must be a file that user 10001 can read"
        raise ConfigurationError(f"{setting}: cannot be read: {error.strerror}; {remedy}") from error
