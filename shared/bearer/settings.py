"""The settings that every resource server shares; a service adds its own prefix and defaults."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from shared.bearer.access_token import AccessTokenRules
from shared.settings import ServiceSettings

_LOCAL_ISSUER = "http://localhost:9000"


class ResourceServerSettings(ServiceSettings):
    """Whose tokens the API accepts, and where it listens.

    issuer: the provider's URL, exactly as in `iss`; audience: the API's own public URL, exactly as in `aud`;
    jwks_url: where to fetch the keys, if not under the issuer; max_token_lifetime: the longest that the provider
    gives an access token (at most 1 h), in seconds.
    """

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    max_token_lifetime: timedelta = Field(default=timedelta(minutes=5), gt=timedelta(0), le=timedelta(hours=1))

    @model_validator(mode="before")
    @classmethod
    def _default_addresses(cls, given: Any) -> Any:
        """Fill in the addresses of the local stack; outside it they have no default."""
        if isinstance(given, dict) and given.get("environment", given.get("ENVIRONMENT")) == "local":
            port = given.get("port") or cls.model_fields["port"].default
            return {"issuer": _LOCAL_ISSUER, "audience": f"http://localhost:{port}", **given}
        return given

    @field_validator("issuer", "audience", "jwks_url")
    @classmethod
    def _bare_url(cls, value: str) -> str:
        parts = urlsplit(value)
        plain = value.isascii() and value.isprintable() and not set(value) & set('"\\ ')
        if value and not (plain and parts.scheme in {"http", "https"} and parts.hostname):
            raise ValueError("must be an http(s) URL")
        if value.endswith("/") or parts.query or parts.fragment:
            raise ValueError("must have no trailing slash, query or fragment")
        return value

    def common_faults(self) -> list[str]:
        """Add that addresses are set, and that production's are https: over http anyone could choose the keys."""
        prefix = str(self.model_config.get("env_prefix", ""))
        addresses = {"ISSUER": self.issuer, "AUDIENCE": self.audience}
        faults = [f"{prefix}{name}: must be set" for name, value in addresses.items() if not value]
        if not self.local:
            for name, value in {**addresses, "JWKS_URL": self.jwks_url}.items():
                if value and not value.startswith("https://"):
                    faults.append(f"{prefix}{name}: must be an https URL with ENVIRONMENT=production")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            faults.append(f"{prefix}TLS_CERT_FILE and {prefix}TLS_KEY_FILE: set both or neither")
        return super().common_faults() + faults

    @property
    def keys_url(self) -> str:
        """Where the issuer's keys are fetched."""
        return self.jwks_url or f"{self.issuer}/.well-known/jwks.json"

    def access_token_rules(self) -> AccessTokenRules:
        """Return what these settings demand of a token."""
        return AccessTokenRules(self.issuer, self.audience, self.max_token_lifetime)
