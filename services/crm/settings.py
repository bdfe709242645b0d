"""The CRM's settings: environment variables with the prefix CRM_."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.api.settings import ApiSettings


class CrmSettings(ApiSettings):
    """See ApiSettings, ResourceServerSettings and ServiceSettings for what each one means."""

    model_config = SettingsConfigDict(env_prefix="CRM_")

    port: int = Field(default=9001, ge=1, le=65535)


SETTINGS = CrmSettings
