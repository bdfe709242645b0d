"""The settings that both APIs have beside those of every resource server.

Policy: ADR-0049
"""

from datetime import timedelta

from pydantic import Field

from shared.bearer import ResourceServerSettings


class ApiSettings(ResourceServerSettings):
    """See ResourceServerSettings and ServiceSettings for what the others mean.

    rate_limit_*: what one subject may do in a time, as in 600/minute: requests in all (a file counts as a hundred),
    changes, and kibibytes of bodies; rate_limit_storage_url: where replicas share these counts (valkey://...), each
    process counts for itself without one; keep_deleted: how long a deleted record can be restored before it is purged;
    purge_interval: how often what has expired is removed.
    """

    rate_limit_requests: str = "6000/minute"
    rate_limit_changes: str = "600/minute"
    rate_limit_kibibytes: str = "524288/day"
    rate_limit_storage_url: str = Field(default="", repr=False)
    keep_deleted: timedelta = Field(default=timedelta(days=90), ge=timedelta(days=1))
    purge_interval: timedelta = Field(default=timedelta(hours=1), ge=timedelta(minutes=1))

    def rate_limits(self) -> dict[str, str]:
        """Return the limits by name."""
        return {
            "requests": self.rate_limit_requests,
            "changes": self.rate_limit_changes,
            "kibibytes": self.rate_limit_kibibytes,
        }
