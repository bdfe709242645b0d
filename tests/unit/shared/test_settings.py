from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from shared.errors import ConfigurationError
from shared.settings import ServiceSettings, load_settings


class ExampleSettings(ServiceSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_prefix="EXAMPLE_")

    secret: SecretStr = SecretStr("")


@pytest.fixture(autouse=True)
def _local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA_DIR", "CLOCK_FILE", "LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENVIRONMENT", "local")


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PORT", "7777")
    settings = load_settings(ExampleSettings)
    assert settings.port == 7777
    assert settings.local


def test_production_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENVIRONMENT")
    with pytest.raises(ConfigurationError, match="EXAMPLE_DATABASE_URL: production needs PostgreSQL"):
        load_settings(ExampleSettings)


def test_production_refuses_the_clock_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("EXAMPLE_DATABASE_URL", "postgresql+psycopg://example@localhost/example")
    load_settings(ExampleSettings)
    monkeypatch.setenv("CLOCK_FILE", "clock")
    with pytest.raises(ConfigurationError, match="CLOCK_FILE: refused with ENVIRONMENT=production"):
        load_settings(ExampleSettings)


def test_a_secret_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n", encoding="utf-8")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(file))
    assert load_settings(ExampleSettings).secret.get_secret_value() == "from the file"


def test_the_variable_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file", encoding="utf-8")
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", str(file))
    monkeypatch.setenv("EXAMPLE_SECRET", "from the variable")
    assert load_settings(ExampleSettings).secret.get_secret_value() == "from the variable"


def test_a_missing_secret_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_SECRET_FILE", "/nowhere/secret")
    with pytest.raises(ConfigurationError, match="EXAMPLE_SECRET_FILE: cannot read /nowhere/secret: No such file"):
        load_settings(ExampleSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("EXAMPLE_PORT", "many"), ("EXAMPLE_PORT", "0"), ("ENVIRONMENT", "staging"), ("LOG_LEVEL", "LOUD")],
)
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=f"^{name}: ") as refused:
        load_settings(ExampleSettings)
    assert "\n" not in str(refused.value)


def test_the_default_database_stands_in_the_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "/somewhere")
    assert load_settings(ExampleSettings).database("example") == "sqlite:////somewhere/example.sqlite3"


def test_settings_do_not_change() -> None:
    settings = load_settings(ExampleSettings)
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_SECRET", "not-for-logs")
    assert "not-for-logs" not in repr(load_settings(ExampleSettings))
