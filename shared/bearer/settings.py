"""The settings that every resource server shares; a service adds its own prefix and defaults."""

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from shared.bearer.access_token import LEEWAY, AccessTokenRules
from shared.bearer.keys.jwks import PRODUCTION, JwksPolicy
from shared.bearer.status.source import StatusPolicy
from shared.bearer.status.status_list import MAX_LEEWAY
from shared.bearer.verified_tokens import DEFAULT_BYTES
from shared.dpop.nonces import KEY_BYTES, Nonces, parse_nonce_keys
from shared.dpop.proof import ProofRules
from shared.settings import EnvironmentSettings, ServiceSettings, require_plain_address

_LOCAL_ISSUER = "http://localhost:9000"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_NOUGHT = timedelta(0)


class BearerSettings(EnvironmentSettings):
    """Whose tokens an API accepts: all that `shared.bearer` needs, for an API of any team.

    issuer: the provider's URL, exactly as in `iss`; audience: the API's own public URL, exactly as in `aud`;
    jwks_url, status_base_url: where to fetch keys and status lists, if not under the issuer;
    require_status: refuse a token that names no reference in the status list; max_token_lifetime: the longest that the
    provider gives an access token (at most 1 h), in seconds, and for how long an old status list serves while the
    provider is away; leeway: what clocks may differ by (at most 120 s); token_cache_mib: mebibytes for tokens that were
    verified; dpop_nonce_keys: comma-separated base64url keys of 32 bytes by which all replicas make and know the nonces
    of DPoP (none: each process by a key of its own); dpop_require_nonce: every proof must hold one, not one of a wrong
    clock alone; jwks_*: see JwksPolicy, for proofs that scale them down.
    """

    model_config = SettingsConfigDict(env_prefix="BEARER_")

    issuer: str = ""
    audience: str = ""
    jwks_url: str = ""
    status_base_url: str = ""
    require_status: bool = True
    max_token_lifetime: timedelta = Field(default=timedelta(minutes=15), gt=_NOUGHT, le=timedelta(hours=1))
    leeway: timedelta = Field(default=LEEWAY, ge=_NOUGHT, le=MAX_LEEWAY)
    token_cache_mib: int = Field(default=DEFAULT_BYTES // 1024**2, ge=1, le=4096)
    dpop_nonce_keys: SecretStr = SecretStr("")
    dpop_require_nonce: bool = False
    jwks_min_fresh: timedelta = Field(default=PRODUCTION.min_fresh, gt=_NOUGHT)
    jwks_max_fresh: timedelta = Field(default=PRODUCTION.max_fresh, gt=_NOUGHT)
    jwks_max_age: timedelta = Field(default=PRODUCTION.max_age, gt=_NOUGHT)
    jwks_cooldown: timedelta = Field(default=PRODUCTION.cooldown, gt=_NOUGHT)

    @field_validator("issuer", "audience", "jwks_url", "status_base_url")
    @classmethod
    def _bare_url(cls, value: str) -> str:
        return require_plain_address(value) if value else value

    @field_validator("dpop_nonce_keys")
    @classmethod
    def _keys(cls, value: SecretStr) -> SecretStr:
        parse_nonce_keys(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _fit(self) -> "BearerSettings":
        if self.jwks_max_fresh < self.jwks_min_fresh:
            raise ValueError("JWKS_MAX_FRESH: must not be below JWKS_MIN_FRESH")
        if faults := self.address_faults():
            raise ValueError("; ".join(faults))
        return self

    def address_faults(self) -> list[str]:
        """Return what is wrong with the addresses: over http, anyone on the way could choose the keys."""
        prefix = str(self.model_config.get("env_prefix", ""))
        needed = {"ISSUER": self.issuer, "AUDIENCE": self.audience}
        faults = [f"{prefix}{name}: must be set" for name, value in needed.items() if not value]
        for name, value in {
            "ISSUER": self.issuer,
            "JWKS_URL": self.jwks_url,
            "STATUS_BASE_URL": self.status_base_url,
        }.items():
            if value.startswith("http:") and urlsplit(value).hostname not in _LOOPBACK:
                faults.append(f"{prefix}{name}: must be an https URL")
        return faults

    @property
    def keys_url(self) -> str:
        """Where the issuer's keys are fetched."""
        return self.jwks_url or f"{self.issuer}/.well-known/jwks.json"

    def access_token_rules(self) -> AccessTokenRules:
        """Return what these settings demand of a token."""
        return AccessTokenRules(
            self.issuer, self.audience, self.max_token_lifetime, self.leeway, require_status=self.require_status
        )

    def proof_rules(self) -> ProofRules:
        """Return what these settings demand of a DPoP proof."""
        keys = parse_nonce_keys(self.dpop_nonce_keys.get_secret_value()) or (secrets.token_bytes(KEY_BYTES),)
        return ProofRules(Nonces(keys), self.dpop_require_nonce)

    def jwks_policy(self) -> JwksPolicy:
        """Return how long keys are kept and how often they are fetched."""
        return JwksPolicy(
            min_fresh=self.jwks_min_fresh,
            default_fresh=min(max(PRODUCTION.default_fresh, self.jwks_min_fresh), self.jwks_max_fresh),
            max_fresh=self.jwks_max_fresh,
            max_age=self.jwks_max_age,
            cooldown=self.jwks_cooldown,
        )

    def status_policy(self) -> StatusPolicy:
        """Return where status lists are, and for how long one serves past its `exp`: until no token can live."""
        return StatusPolicy(
            issuer=self.issuer,
            base_url=self.status_base_url or self.issuer,
            max_stale=self.max_token_lifetime + self.leeway,
            leeway=self.leeway,
        )


class ResourceServerSettings(BearerSettings, ServiceSettings):
    """Whose tokens a service of the suite accepts, and where it listens. `docs`: serve /docs (default: in local)."""

    docs: bool = False

    @model_validator(mode="before")
    @classmethod
    def _local_defaults(cls, given: Any) -> Any:
        """Fill in the addresses of the local stack; outside it they have no default."""
        if isinstance(given, dict) and given.get("environment", given.get("ENVIRONMENT")) == "local":
            port = given.get("port") or cls.model_fields["port"].default
            return {"issuer": _LOCAL_ISSUER, "audience": f"http://localhost:{port}", "docs": True, **given}
        return given

    def address_faults(self) -> list[str]:
        """Leave them to `common_faults`, which knows the environment."""
        return []

    def common_faults(self) -> list[str]:
        """Add that addresses are set, and that production's are https: over http anyone could choose the keys."""
        prefix = str(self.model_config.get("env_prefix", ""))
        addresses = {"ISSUER": self.issuer, "AUDIENCE": self.audience}
        faults = [f"{prefix}{name}: must be set" for name, value in addresses.items() if not value]
        if not self.local:
            fetched = {"JWKS_URL": self.jwks_url, "STATUS_BASE_URL": self.status_base_url}
            for name, value in {**addresses, **fetched}.items():
                if value and not value.startswith("https://"):
                    faults.append(f"{prefix}{name}: must be an https URL with ENVIRONMENT=production")
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            faults.append(f"{prefix}TLS_CERT_FILE and {prefix}TLS_KEY_FILE: set both or neither")
        return super().common_faults() + faults
