"""The settings of auth: AUTH_ variables, lifetimes as timedeltas ("300" is seconds, "PT5M" works too)."""

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from services.auth.brand import Accent, Brand, accent_fault, is_link, picture, picture_of
from shared.settings import ServiceSettings, require_plain_address

_SECOND, _MINUTE, _HOUR, _DAY = (timedelta(seconds=seconds) for seconds in (1, 60, 3600, 86_400))
#: What production may set a duration to, so that what the documents promise holds: revocation within seconds, a code
#: that is of no use to a finder, a session that ends, keys that verifiers have in time.
_PROMISED: Final = {
    "look_interval": (_SECOND / 10, 5 * _SECOND),
    "status_ttl": (_SECOND, _MINUTE),
    "status_list_lifetime": (2 * _SECOND, 5 * _MINUTE),
    "client_cache_lifetime": (_SECOND * 0, _MINUTE),
    "access_token_lifetime": (_MINUTE, _HOUR),
    "id_token_lifetime": (_MINUTE, _HOUR),
    "code_lifetime": (5 * _SECOND, 10 * _MINUTE),
    "device_code_lifetime": (_MINUTE, 30 * _MINUTE),
    "waiting_request_lifetime": (_MINUTE, _HOUR),
    "session_idle_lifetime": (_MINUTE, 30 * _DAY),
    "session_absolute_lifetime": (_MINUTE, 90 * _DAY),
    "refresh_retry_window": (_SECOND * 0, 10 * _MINUTE),
    "refresh_idle_lifetime": (_MINUTE, 366 * _DAY),
    "refresh_absolute_lifetime": (_MINUTE, 3 * 366 * _DAY),
    "jwks_max_age": (30 * _SECOND, _HOUR),
    "signing_key_announced": (_MINUTE, 30 * _DAY),
    "signing_key_retired": (_MINUTE, 30 * _DAY),
    "signing_key_removed": (_DAY, 3660 * _DAY),
    "signing_key_rotate_after": (_HOUR, 3660 * _DAY),
    "purge_interval": (_MINUTE, _DAY),
    "audit_retention": (30 * _DAY, 3660 * _DAY),
    "mail_give_up_after": (_MINUTE, 7 * _DAY),
    "backchannel_give_up_after": (_MINUTE, 7 * _DAY),
}


_ORIGIN: Final = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?")


class Security(StrEnum):
    """How the connection to the mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


class AuthSettings(ServiceSettings):
    """What auth is told at its start."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="AUTH_")

    promised = _PROMISED

    port: int = Field(default=9000, ge=1, le=65535)
    issuer: str = "http://localhost:9000"
    #: Comma-separated base64url keys of 32 bytes; the first one is used, the others still open what they closed.
    key_encryption_keys: SecretStr = SecretStr("")
    refresh_mac_keys: SecretStr = SecretStr("")

    #: Networks (CIDR, comma-separated) whose X-Forwarded-For is believed; none by default.
    trusted_proxies: str = ""
    #: Requests that one network may send; sign_in counts forms with a password or code, and slows wrong ones.
    rate_limit_authorize: str = "3000/minute"
    rate_limit_par: str = "3000/minute"
    rate_limit_token: str = "6000/minute"
    rate_limit_introspect: str = "6000/minute"
    rate_limit_logout: str = "3000/minute"
    rate_limit_recovery: str = "120/minute"
    rate_limit_device: str = "60/minute"
    rate_limit_sign_in: str = "600/minute"
    #: valkey://... for limits that all replicas share; empty: each process counts for itself.
    rate_limit_storage_url: SecretStr = SecretStr("")

    #: Networks (CIDR, comma-separated) to which logout tokens may go although they are not public.
    backchannel_allowed_networks: str = ""
    #: PEM file of authorities that a client's back channel and the mail server are trusted by, beside the system's.
    backchannel_ca_file: Path | None = None
    #: How long a logout token is tried again.
    backchannel_give_up_after: timedelta = Field(default=timedelta(hours=24), ge=timedelta(minutes=1))

    #: Where mail leaves. `smtp_security` is starttls, tls, or none (in production on this machine alone). No host: the
    #: local stack prints mail, production sends none.
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Security = Security.STARTTLS
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    #: Whose mail it is: an address.
    mail_from: str = ""
    #: Whom finders of faults tell, in /.well-known/security.txt; empty: nobody is named.
    security_contact: str = Field(default="", pattern=r"^((mailto|tel|https):[!-~]{1,500})?$")
    #: How long a mail is tried again.
    mail_give_up_after: timedelta = Field(default=timedelta(hours=24), ge=timedelta(minutes=1))

    #: What people see: a name; a picture of 6 KiB at most (an SVG, or a data: URI); a colour that white is legible on.
    brand_name: str = "Company"
    brand_logo: str = ""
    brand_accent: str = ""
    #: Where people find help (an address of mail or of the web), the privacy notice and the terms.
    support_address: str = ""
    privacy_url: str = ""
    terms_url: str = ""

    signing_key_bits: int = Field(default=2048, ge=2048, le=4096)
    jwks_max_age: timedelta = timedelta(minutes=5)
    #: A new key is announced for this long at least, and for no less than twice `jwks_max_age`.
    signing_key_announced: timedelta = timedelta(seconds=90)
    #: At least the longest access token of any client, and the leeway of its verifiers.
    signing_key_retired: timedelta = timedelta(hours=1, minutes=2)
    #: How long a removed key's public half still verifies an id_token_hint.
    signing_key_removed: timedelta = timedelta(days=365)

    #: How long audit events are kept; `purge` deletes older ones. 30 days at least.
    audit_retention: timedelta = Field(default=timedelta(days=400), ge=timedelta(days=30))

    #: Whether processes purge and rotate by themselves; one at a time does it.
    upkeep: bool = True
    #: How often what has expired is deleted.
    purge_interval: timedelta = Field(default=timedelta(hours=1), ge=timedelta(seconds=10))
    #: How long a key signs until the next one is announced.
    signing_key_rotate_after: timedelta = timedelta(days=90)

    #: How far a process may be behind the database with its key set and status lists.
    look_interval: timedelta = timedelta(seconds=1)
    status_ttl: timedelta = Field(default=timedelta(seconds=15), ge=timedelta(seconds=1))
    status_list_lifetime: timedelta = Field(default=timedelta(seconds=60), ge=timedelta(seconds=2))

    access_token_lifetime: timedelta = timedelta(minutes=15)
    id_token_lifetime: timedelta = timedelta(minutes=15)
    code_lifetime: timedelta = timedelta(seconds=60)
    refresh_retry_window: timedelta = Field(default=timedelta(seconds=60), le=timedelta(seconds=600))
    refresh_idle_lifetime: timedelta = timedelta(days=30)
    refresh_absolute_lifetime: timedelta = timedelta(days=180)
    session_idle_lifetime: timedelta = timedelta(hours=12)
    session_absolute_lifetime: timedelta = timedelta(days=7)
    waiting_request_lifetime: timedelta = timedelta(minutes=15)
    pushed_request_lifetime: timedelta = Field(
        default=timedelta(seconds=60), ge=timedelta(seconds=5), le=timedelta(minutes=10)
    )
    #: How long a person has to type a device's code and to allow it.
    device_code_lifetime: timedelta = timedelta(minutes=5)
    client_cache_lifetime: timedelta = timedelta(seconds=10)
    #: Whether every DPoP proof must hold a nonce of ours; else only one that was made by a wrong clock must.
    dpop_require_nonce: bool = False

    #: Origins (comma-separated, https) of other sites of ours whose pages may use the passkeys of the issuer's host.
    passkey_origins: str = ""

    @field_validator("issuer")
    @classmethod
    def _plain_url(cls, value: str) -> str:
        return require_plain_address(value)

    @field_validator("trusted_proxies", "backchannel_allowed_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        for network in filter(None, value.split(",")):
            ipaddress.ip_network(network.strip())
        return value

    @field_validator("passkey_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        for origin in _parts(value):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError("each is https://, a host and perhaps a port, without a path")
        return value

    @cached_property
    def passkey_site(self) -> str | None:
        """The id of the relying party: the issuer's host; None: it is an address, which can have no passkeys."""
        host = urlsplit(self.issuer).hostname or ""
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host
        return None

    @cached_property
    def passkey_pages(self) -> tuple[str, ...]:
        """The origins whose pages may use passkeys, the issuer's first."""
        parts = urlsplit(self.issuer)
        return (f"{parts.scheme}://{parts.netloc}", *_parts(self.passkey_origins))

    @field_validator("brand_name")
    @classmethod
    def _visible_name(cls, value: str) -> str:
        if not value.strip() or not value.isprintable() or len(value) > 60:
            raise ValueError("is shown to people: 1 to 60 characters, none of them a control or direction character")
        return value

    @field_validator("brand_accent")
    @classmethod
    def _readable_accent(cls, value: str) -> str:
        if value and (fault := accent_fault(value)):
            raise ValueError(fault)
        return value

    @field_validator("brand_logo")
    @classmethod
    def _a_picture(cls, value: str) -> str:
        if not value:
            return value
        return picture_of(value) if value.startswith("data:") else picture(value.encode())

    @field_validator("support_address", "privacy_url", "terms_url")
    @classmethod
    def _a_link(cls, value: str, info: ValidationInfo) -> str:
        if value and not is_link(value, mail=info.field_name == "support_address"):
            raise ValueError("must be an https address")
        return value

    @property
    def brand(self) -> Brand:
        """What people see."""
        accent = Accent.of(self.brand_accent) if self.brand_accent else None
        return Brand(self.brand_name, self.brand_logo, accent, self.support_address, self.privacy_url, self.terms_url)

    @cached_property
    def proxy_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks of `trusted_proxies`."""
        return _parse_networks(self.trusted_proxies)

    @cached_property
    def backchannel_networks(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """The networks of `backchannel_allowed_networks`."""
        return _parse_networks(self.backchannel_allowed_networks)

    @property
    def secure(self) -> bool:
        """Whether browsers reach auth over TLS, so that cookies may be Secure and __Host-."""
        return self.issuer.startswith("https://")

    def common_faults(self) -> list[str]:
        faults = super().common_faults()
        if self.session_idle_lifetime > self.session_absolute_lifetime:
            faults.append("AUTH_SESSION_IDLE_LIFETIME: must not be longer than AUTH_SESSION_ABSOLUTE_LIFETIME")
        if self.refresh_idle_lifetime > self.refresh_absolute_lifetime:
            faults.append("AUTH_REFRESH_IDLE_LIFETIME: must not be longer than AUTH_REFRESH_ABSOLUTE_LIFETIME")
        if self.status_ttl >= self.status_list_lifetime:
            faults.append("AUTH_STATUS_TTL: must be shorter than AUTH_STATUS_LIST_LIFETIME")
        if self.signing_key_retired <= max(self.access_token_lifetime, self.id_token_lifetime):
            faults.append("AUTH_SIGNING_KEY_RETIRED: must be longer than the tokens that the key has signed")
        faults += self._mail_faults()
        if self.local:
            return faults
        if not self.secure:
            faults.append("AUTH_ISSUER: production needs an https issuer")
        for name in ("key_encryption_keys", "refresh_mac_keys"):
            secret: SecretStr = getattr(self, name)
            if not secret.get_secret_value():
                faults.append(f"AUTH_{name.upper()}: production needs its own secret (or AUTH_{name.upper()}_FILE)")
        return faults

    @property
    def sends_mail(self) -> bool:
        """Whether mail reaches anybody: by a server, or on the console of the local stack."""
        return bool(self.smtp_host) or self.local

    def _mail_faults(self) -> list[str]:
        if not self.smtp_host:
            return []
        faults = []
        if "@" not in self.mail_from or not self.mail_from.isascii() or not self.mail_from.isprintable():
            faults.append("AUTH_MAIL_FROM: AUTH_SMTP_HOST needs the address that mail comes from")
        here = self.local or self.smtp_host in {"localhost", "127.0.0.1", "::1"}
        if self.smtp_security is Security.NONE and (self.smtp_username or not here):
            faults.append("AUTH_SMTP_SECURITY: must be starttls or tls")
        return faults


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _parse_networks(text: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(network.strip()) for network in filter(None, text.split(",")))


SETTINGS = AuthSettings
