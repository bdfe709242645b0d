"""The settings of Orders: environment variables with the prefix ORDERS_."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.bearer import ResourceServerSettings


class OrdersSettings(ResourceServerSettings):
    """See ResourceServerSettings and ServiceSettings for what each one means."""

    model_config = SettingsConfigDict(env_prefix="ORDERS_")

    port: int = Field(default=9002, ge=1, le=65535)


SETTINGS = OrdersSettings
