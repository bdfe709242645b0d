"""Settings: the one home of the environment.

Every setting is an environment variable; a secret may also come from the file named by `<NAME>_FILE`.
A missing or bad one stops the start with one clear line that names it.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from shared.clock import Clock
from shared.errors import ConfigurationError

MOST_WORKERS = 64
#: A name (or an address in brackets) and a port.
_HOST_AND_PORT = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_SECOND, _LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=10)


def variable_names() -> list[str]:
    """Return the names of the process's environment variables, settings or not."""
    return list(os.environ)  # noqa: TID251


def require_plain_address(value: str) -> str:
    """Return an address that has one spelling.

    Raises:
        ValueError: no http(s), user information, spaces or other characters, no host, a trailing slash, a query.
    """
    if not value.startswith(("https://", "http://")) or value.endswith("/") or "?" in value or "#" in value:
        raise ValueError("must be an http(s) URL without a trailing slash, query or fragment")
    try:
        sound = _HOST_AND_PORT.fullmatch(urlsplit(value).netloc) is not None and urlsplit(value).port != 0
    except ValueError:
        sound = False
    if not sound or not value.isascii() or not value.isprintable() or set(value) & set('"\\ '):
        raise ValueError("must have a plain host and port, without user information, spaces or other characters")
    return value


class _FilesSource(PydanticBaseSettingsSource):
    """Reads `<NAME>_FILE` for every setting, so that secrets may be mounted as files."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        del field
        name = f"{self.config.get('env_prefix', '')}{field_name}".upper()
        path = os.environ.get(f"{name}_FILE")  # noqa: TID251
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise ConfigurationError(f"{name}_FILE: cannot read {path}: {error.strerror}") from error

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for field_name, field in self.settings_cls.model_fields.items():
            value, key, _ = self.get_field_value(field, field_name)
            if value is not None:
                found[key] = value
        return found


class EnvironmentSettings(BaseSettings):
    """Settings that come from the environment, or from files that it names."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """An explicit argument wins over the environment, which wins over `<NAME>_FILE`."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _FilesSource(settings_cls)

    @field_validator("*", mode="before")
    @classmethod
    def _digits_are_seconds(cls, value: Any, info: ValidationInfo) -> Any:
        """Read a duration's digits as seconds: pydantic does so for numbers, and the environment holds text."""
        is_duration = cls.model_fields[str(info.field_name)].annotation is timedelta
        return int(value) if is_duration and isinstance(value, str) and value.isdecimal() else value


class ServiceSettings(EnvironmentSettings):
    """What every service of the suite is told; each subclass adds its own prefix and settings."""

    #: What production may set a duration to, so that what the documents promise holds.
    promised: ClassVar[Mapping[str, tuple[timedelta, timedelta]]] = {}

    environment: Literal["local", "production"] = Field(
        default="production", validation_alias=AliasChoices("ENVIRONMENT")
    )
    data_dir: Path = Field(default=Path(".data"), validation_alias=AliasChoices("DATA_DIR"))
    clock_file: Path | None = Field(default=None, validation_alias=AliasChoices("CLOCK_FILE"))
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", validation_alias=AliasChoices("LOG_LEVEL")
    )
    host: str = "127.0.0.1"
    port: int = Field(default=9000, ge=1, le=65535)
    database_url: str = ""
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    workers: int = Field(default=1, ge=1, le=MOST_WORKERS)
    header_timeout: timedelta = Field(default=timedelta(seconds=10), ge=_SECOND, le=_LONGEST_WAIT)
    body_timeout: timedelta = Field(default=timedelta(seconds=30), ge=_SECOND, le=_LONGEST_WAIT)
    keep_alive_timeout: timedelta = Field(default=timedelta(seconds=75), ge=_SECOND, le=_LONGEST_WAIT)
    max_connections: int = Field(default=1000, ge=10, le=50_000)

    @model_validator(mode="after")
    def _tls_pair(self) -> Self:
        if (self.tls_cert_file is None) != (self.tls_key_file is None):
            raise ValueError("TLS_CERT_FILE and TLS_KEY_FILE: set both or neither")
        return self

    @property
    def local(self) -> bool:
        return self.environment == "local"

    def clock(self) -> Clock:
        """Return the clock that these settings ask for."""
        return Clock(self.clock_file)

    def database(self, service: str) -> str:
        """Return the database URL; unset, it is an SQLite file under the data directory."""
        return self.database_url or f"sqlite:///{self.data_dir / service}.sqlite3"

    def common_faults(self) -> list[str]:
        """Return what production refuses, one clear line each. Empty: fit to start."""
        if self.local:
            return []
        faults = []
        prefix = str(self.model_config.get("env_prefix", ""))
        if self.clock_file is not None:
            faults.append("CLOCK_FILE: refused with ENVIRONMENT=production; unset it")
        if not self.database_url or self.database_url.startswith("sqlite"):
            faults.append(f"{prefix}DATABASE_URL: production needs PostgreSQL (postgresql+psycopg://...)")
        for name, (shortest, longest) in self.promised.items():
            value: timedelta = getattr(self, name)
            if not shortest <= value <= longest:
                faults.append(f"{prefix}{name.upper()}: must be {shortest} to {longest} in production, not {value}")
        return faults


Settings = TypeVar("Settings", bound=ServiceSettings)


def load_settings(settings_class: type[Settings]) -> Settings:
    """Read the environment into `settings_class`.

    Raises:
        ConfigurationError: one line that names the first bad setting and what is wrong with it.
    """
    try:
        settings = settings_class()  # values come from the environment
    except ValidationError as error:
        first = error.errors()[0]
        prefix = str(settings_class.model_config.get("env_prefix", ""))
        where = ".".join(str(part) for part in first["loc"])
        name = where if where.isupper() else f"{prefix}{where}".upper()
        raise ConfigurationError(f"{name}: {first['msg']}") from error
    if faults := settings.common_faults():
        raise ConfigurationError("; ".join(faults))
    return settings
