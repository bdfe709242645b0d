"""The settings of Orders: environment variables with the prefix ORDERS_."""

from datetime import timedelta
from typing import Any

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from shared.api.settings import ApiSettings

#: What config/local.yaml registers; published, so production refuses it.
LOCAL_CLIENT_SECRET = "orders-api-secret-for-local-use-only"
_LOCAL_CRM = "http://localhost:9001"


class OrdersSettings(ApiSettings):
    """See ApiSettings, ResourceServerSettings and ServiceSettings for what the others mean.

    client_id, client_secret: this service's own client at the provider, which trades tokens; token_url: where, if not
    under the issuer; crm_audience: the CRM's public URL, exactly as in `aud`; crm_url: where it answers, if not there;
    customers_timeout: what one question about a customer may take in all, in seconds.
    """

    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    port: int = Field(default=9002, ge=1, le=65535)
    client_id: str = Field(default="orders-api", min_length=1, max_length=255)
    client_secret: SecretStr = SecretStr("")
    token_url: str = ""
    crm_audience: str = ""
    crm_url: str = ""
    customers_timeout: timedelta = Field(default=timedelta(seconds=2), gt=timedelta(0), le=timedelta(seconds=30))

    @model_validator(mode="before")
    @classmethod
    def _default_customers(cls, given: Any) -> Any:
        """Fill in the CRM of the local stack and the published secret; outside it they have no default."""
        if isinstance(given, dict) and given.get("environment", given.get("ENVIRONMENT")) == "local":
            return {"client_secret": LOCAL_CLIENT_SECRET, "crm_audience": _LOCAL_CRM, **given}
        return given

    @field_validator("token_url", "crm_audience", "crm_url")
    @classmethod
    def _bare_address(cls, value: str) -> str:
        return cls._bare_url(value)

    def common_faults(self) -> list[str]:
        """Add that the CRM is known, and that production has a secret of its own and nothing goes over http."""
        secret = self.client_secret.get_secret_value()
        faults = []
        if not self.crm_audience:
            faults.append("ORDERS_CRM_AUDIENCE: must be set")
        if not secret:
            faults.append("ORDERS_CLIENT_SECRET: must be set")
        if not self.local:
            if secret == LOCAL_CLIENT_SECRET:
                faults.append("ORDERS_CLIENT_SECRET: is the published one of config/local.yaml; set one of your own")
            addresses = {"TOKEN_URL": self.token_url, "CRM_AUDIENCE": self.crm_audience, "CRM_URL": self.crm_url}
            for name, value in addresses.items():
                if value and not value.startswith("https://"):
                    faults.append(f"ORDERS_{name}: must be an https URL with ENVIRONMENT=production")
        return super().common_faults() + faults

    @property
    def exchange_url(self) -> str:
        """Where tokens are traded."""
        return self.token_url or f"{self.issuer}/token"

    @property
    def customers_url(self) -> str:
        """Where the CRM answers."""
        return self.crm_url or self.crm_audience


SETTINGS = OrdersSettings
