"""TLS of the local stack: an authority for this machine's own names, and the certificate that the three services show.

Made once under DATA_DIR/tls, the private keys readable by their owner alone; a certificate near its end is made anew
by the same authority, so that what trusts it goes on doing so.
"""

import ssl
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from shared.certificates import issue_authority, issue_certificate, new_key, still_good
from shared.errors import ConfigurationError
from shared.secret_files import follow, made_once

_DOMAIN = "localhost"
_ADDRESSES = ("127.0.0.1", "::1")
_NAMES = [_DOMAIN, *_ADDRESSES]
_PRIVATE, _PUBLIC = 0o600, 0o644


@dataclass(frozen=True)
class LocalTls:
    """The files in one directory."""

    directory: Path

    @property
    def authority(self) -> Path:
        """What clients are to trust."""
        return self.directory / "ca.crt"

    @property
    def certificate(self) -> Path:
        return self.directory / "tls.crt"

    @property
    def key(self) -> Path:
        return self.directory / "tls.key"

    def make(self, now: datetime) -> None:
        """Make what is missing or near its end.

        Raises:
            ConfigurationError: a file cannot be read or written, or is damaged.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{self.directory}: cannot be made: {error.strerror}") from error
        authority_key = made_once(self.directory / "ca.key", new_key, mode=_PRIVATE)
        authority = made_once(
            self.authority, lambda: issue_authority(authority_key, _DOMAIN, now, _ADDRESSES), mode=_PUBLIC
        )
        key = made_once(self.key, new_key, mode=_PRIVATE)

        def issued() -> bytes:
            return issue_certificate(authority, authority_key, key, _NAMES, now)

        try:
            certificate = made_once(self.certificate, issued, mode=_PUBLIC)
            if not still_good(certificate, authority, key, _NAMES, now):
                follow(self.certificate, issued(), mode=_PUBLIC)
        except ValueError as error:
            raise ConfigurationError(f"{self.directory}: a file is damaged; remove it and trust the new CA") from error

    def context(self) -> ssl.SSLContext:
        """Return what a client needs that trusts this authority and no other."""
        return ssl.create_default_context(cafile=str(self.authority))
