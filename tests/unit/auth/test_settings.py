"""auth's own settings: what stops a start, in one line that names it."""

from pathlib import Path

import pytest

from services.auth.settings import AuthSettings
from shared.errors import ConfigurationError
from shared.settings import load_settings

PRODUCTION = {
    "ENVIRONMENT": "production",
    "AUTH_ISSUER": "https://auth.example",
    "AUTH_DATABASE_URL": "postgresql+psycopg://auth@db/auth",
    "AUTH_KEY_ENCRYPTION_KEYS": "k",
    "AUTH_REFRESH_MAC_KEYS": "m",
}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> AuthSettings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings(AuthSettings)


@pytest.mark.requirement("RFC6750-5.3-servers")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_ISSUER", "http://auth.example"),
        ("AUTH_ISSUER", "https://auth.example/"),
        ("AUTH_ISSUER", "https://auth.example?x=1"),
        ("AUTH_ISSUER", "https://auth.example#x"),
        ("AUTH_ISSUER", "auth.example"),
        ("AUTH_DATABASE_URL", "sqlite:///auth.sqlite3"),
        ("AUTH_KEY_ENCRYPTION_KEYS", ""),
        ("AUTH_REFRESH_MAC_KEYS", ""),
        ("AUTH_SIGNING_KEY_BITS", "1024"),
        ("AUTH_REFRESH_RETRY_WINDOW", "601"),
        ("AUTH_TRUSTED_PROXIES", "everyone"),
        ("CLOCK_FILE", "clock"),
    ],
)
def test_production_does_not_start_with_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert load(monkeypatch, **PRODUCTION).secure
    with pytest.raises(ConfigurationError, match=name) as error:
        load(monkeypatch, **{name: value})
    assert "\n" not in str(error.value)


def test_a_secret_comes_from_a_file_too_and_never_shows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("a-secret-in-a-file\n", encoding="ascii")
    monkeypatch.setenv("AUTH_REFRESH_MAC_KEYS_FILE", str(file))
    settings = load(monkeypatch, ENVIRONMENT="local")
    assert settings.refresh_mac_keys.get_secret_value() == "a-secret-in-a-file"
    assert "a-secret-in-a-file" not in repr(settings)
