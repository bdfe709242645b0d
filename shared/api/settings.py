"""The settings that both APIs have beside those of every resource server.

Policy: ADR-0049
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from shared.bearer import ResourceServerSettings


class ApiSettings(ResourceServerSettings):
    """See ResourceServerSettings and ServiceSettings for what the others mean.

    rate_limit_*: what one subject may do in a time, as in 600/minute: requests in all (a file counts as a hundred),
    changes, and kibibytes of bodies; rate_limit_storage_url: where replicas share these counts (valkey://...), each
    process counts for itself without one; cors_origins: the origins whose pages may call, one space between
    them, nobody's without one; keep_deleted: how long a deleted record can be restored before it is purged;
    purge_interval: how often what has expired is removed.
    """

    promised: ClassVar[Mapping[str, tuple[timedelta, timedelta]]] = {
        "jwks_min_fresh": (timedelta(seconds=1), timedelta(minutes=5)),
        "jwks_max_fresh": (timedelta(seconds=30), timedelta(days=1)),
        "jwks_max_age": (timedelta(minutes=5), timedelta(days=7)),
        "jwks_cooldown": (timedelta(seconds=1), timedelta(minutes=10)),
        "keep_deleted": (timedelta(days=1), timedelta(days=3660)),
        "purge_interval": (timedelta(minutes=1), timedelta(days=7)),
    }

    rate_limit_requests: str = "6000/minute"
    rate_limit_changes: str = "600/minute"
    rate_limit_kibibytes: str = "524288/day"
    rate_limit_storage_url: SecretStr = SecretStr("")
    cors_origins: str = ""
    keep_deleted: timedelta = Field(default=timedelta(days=90), ge=timedelta(days=1))
    purge_interval: timedelta = Field(default=timedelta(hours=1), ge=timedelta(minutes=1))

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: str) -> str:
        for origin in value.split():
            parts = urlsplit(origin)
            if (
                parts.scheme not in {"http", "https"}
                or not parts.hostname
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"must be origins such as https://app.example, not {origin!r}")
        return value

    def common_faults(self) -> list[str]:
        """Add that production's front ends are https: over http anyone could be one."""
        faults = super().common_faults()
        if not self.local and any(origin.startswith("http:") for origin in self.cors_origins.split()):
            prefix = str(self.model_config.get("env_prefix", ""))
            faults.append(f"{prefix}CORS_ORIGINS: must be https origins with ENVIRONMENT=production")
        return faults

    def rate_limits(self) -> dict[str, str]:
        """Return the limits by name."""
        return {
            "requests": self.rate_limit_requests,
            "changes": self.rate_limit_changes,
            "kibibytes": self.rate_limit_kibibytes,
        }
