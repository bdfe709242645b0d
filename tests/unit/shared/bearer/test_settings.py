from datetime import timedelta

import pytest

from services.crm.settings import CrmSettings
from services.orders.settings import OrdersSettings
from shared.api.rate_limits import RateLimits
from shared.errors import ConfigurationError
from shared.settings import ServiceSettings, load_settings

PRODUCTION = {
    "ENVIRONMENT": "production",
    "CRM_DATABASE_URL": "postgresql+psycopg://crm@db/crm",
    "CRM_ISSUER": "https://auth.example",
    "CRM_AUDIENCE": "https://crm.example",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("ENVIRONMENT", "CLOCK_FILE", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_local_stack_needs_no_settings(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "local")
    crm, orders = load_settings(CrmSettings), load_settings(OrdersSettings)
    assert (crm.issuer, crm.audience, crm.port) == ("http://localhost:9000", "http://localhost:9001", 9001)
    assert (orders.issuer, orders.audience, orders.port) == ("http://localhost:9000", "http://localhost:9002", 9002)
    assert crm.keys_url == "http://localhost:9000/.well-known/jwks.json"


def test_the_local_audience_follows_the_port(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ENVIRONMENT", "local")
    environment.setenv("CRM_PORT", "9901")
    assert load_settings(CrmSettings).audience == "http://localhost:9901"


@pytest.mark.requirement("RFC6750-5.3-servers")
def test_production_starts_with_https_addresses(environment: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        environment.setenv(name, value)
    environment.setenv("CRM_JWKS_URL", "https://auth.internal/keys")
    environment.setenv("CRM_MAX_TOKEN_LIFETIME", "900")
    settings = load_settings(CrmSettings)
    assert settings.keys_url == "https://auth.internal/keys"
    assert settings.access_token_rules().max_lifetime == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRM_ISSUER", None),
        ("CRM_AUDIENCE", None),
        ("CRM_ISSUER", "http://auth.example"),
        ("CRM_AUDIENCE", "http://crm.example"),
        ("CRM_JWKS_URL", "http://auth.internal/keys"),
        ("CRM_ISSUER", "https://auth.example/"),
        ("CRM_ISSUER", "https://auth.example?x=1"),
        ("CRM_ISSUER", "https://"),
        ("CRM_ISSUER", "https://user:pw@auth.example"),
        ("CRM_ISSUER", "https://a b"),
        ("CRM_ISSUER", "https://auth.example:99999"),
        ("CRM_ISSUER", "https://auth.example:0"),
        ("CRM_AUDIENCE", "https://user@crm.example"),
        ("CRM_JWKS_URL", "https://auth.example:x/keys"),
        ("CRM_STATUS_BASE_URL", "https://user:pw@auth.example"),
        ("CRM_JWKS_MIN_FRESH", "PT0.1S"),
        ("CRM_JWKS_MAX_FRESH", "P2D"),
        ("CRM_JWKS_MAX_AGE", "P365D"),
        ("CRM_JWKS_COOLDOWN", "PT1H"),
        ("CRM_PURGE_INTERVAL", "P30D"),
        ("CRM_KEEP_DELETED", "P9999D"),
        ("CRM_ISSUER", "file:///etc/passwd"),
        ("CRM_AUDIENCE", 'https://crm.example/"'),
        ("CRM_PORT", "70000"),
        ("CRM_MAX_TOKEN_LIFETIME", "3601"),
        ("CRM_MAX_TOKEN_LIFETIME", "0"),
        ("CRM_MAX_TOKEN_LIFETIME", "soon"),
        ("CRM_DATABASE_URL", "sqlite:///crm.sqlite3"),
        ("CRM_TLS_CERT_FILE", "cert.pem"),
    ],
)
def test_a_bad_setting_stops_the_start_and_is_named(
    environment: pytest.MonkeyPatch, name: str, value: str | None
) -> None:
    for each, given in {**PRODUCTION, name: value}.items():
        if given is not None:
            environment.setenv(each, given)
    with pytest.raises(ConfigurationError, match=name.removeprefix("CRM_")) as refusal:
        load_settings(CrmSettings)
    assert "\n" not in str(refusal.value)


def test_every_duration_of_an_api_has_bounds_in_production() -> None:
    """A duration that nobody bounded can break a promise."""
    own = OrdersSettings.model_fields.keys() - ServiceSettings.model_fields.keys()
    durations = {name for name in own if OrdersSettings.model_fields[name].annotation is timedelta}
    bounded = {"max_token_lifetime", "leeway", "customers_timeout"}  # by their fields, everywhere
    assert durations == bounded | set(OrdersSettings.promised)


@pytest.mark.parametrize("limit", ["0/minute", "lots", "600"])
def test_a_limit_that_nobody_could_keep_stops_the_start(limit: str) -> None:
    with pytest.raises(ConfigurationError, match="CRM_RATE_LIMIT_REQUESTS: write it like 600/minute"):
        RateLimits({"requests": limit}, prefix="CRM_")
