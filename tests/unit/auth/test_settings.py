"""auth's own settings: what stops a start, in one line that names it."""

from datetime import timedelta
from pathlib import Path

import pytest

from services.auth.settings import _PROMISED, AuthSettings
from shared.errors import ConfigurationError
from shared.settings import ServiceSettings, load_settings

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
        ("AUTH_ISSUER", "https://user:pw@auth.example"),
        ("AUTH_ISSUER", "https://a b"),
        ("AUTH_ISSUER", "https://"),
        ("AUTH_ISSUER", "https://auth.example:99999"),
        ("AUTH_SESSION_ABSOLUTE_LIFETIME", "P3650D"),
        ("AUTH_SESSION_IDLE_LIFETIME", "P8D"),
        ("AUTH_REFRESH_IDLE_LIFETIME", "P200D"),
        ("AUTH_CODE_LIFETIME", "P1D"),
        ("AUTH_LOOK_INTERVAL", "P1D"),
        ("AUTH_CLIENT_CACHE_LIFETIME", "P1D"),
        ("AUTH_ACCESS_TOKEN_LIFETIME", "PT30S"),
        ("AUTH_JWKS_MAX_AGE", "P1D"),
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


def test_every_duration_of_auth_has_bounds_in_production() -> None:
    """A duration that nobody bounded can break a promise."""
    own = AuthSettings.model_fields.keys() - ServiceSettings.model_fields.keys()
    durations = {name for name in own if AuthSettings.model_fields[name].annotation is timedelta}
    assert durations - set(_PROMISED) == {"pushed_request_lifetime"}, "its field has bounds of its own"
