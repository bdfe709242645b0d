import pytest

from services.orders.settings import LOCAL_CLIENT_SECRET, OrdersSettings
from shared.errors import ConfigurationError
from shared.settings import load_settings

PRODUCTION = {
    "ENVIRONMENT": "production",
    "ORDERS_DATABASE_URL": "postgresql+psycopg://orders@db/orders",
    "ORDERS_ISSUER": "https://auth.example",
    "ORDERS_AUDIENCE": "https://orders.example",
    "ORDERS_CRM_AUDIENCE": "https://crm.example",
    "ORDERS_CLIENT_SECRET": "a-secret-of-its-own",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_locally_all_has_a_default() -> None:
    settings = OrdersSettings(environment="local")
    assert settings.exchange_url == "http://localhost:9000/token"
    assert settings.customers_url == settings.crm_audience == "http://localhost:9001"
    assert settings.client_id == "orders-api"
    assert settings.client_secret.get_secret_value() == LOCAL_CLIENT_SECRET
    assert settings.common_faults() == []


def test_production_follows_from_issuer_and_audience(environment: pytest.MonkeyPatch) -> None:
    settings = load_settings(OrdersSettings)
    assert settings.exchange_url == "https://auth.example/token"
    assert settings.customers_url == "https://crm.example"
    environment.setenv("ORDERS_CRM_URL", "https://crm.internal.example")
    environment.setenv("ORDERS_TOKEN_URL", "https://auth.internal.example/token")
    settings = load_settings(OrdersSettings)
    assert settings.customers_url == "https://crm.internal.example"
    assert settings.exchange_url == "https://auth.internal.example/token"


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ORDERS_CLIENT_SECRET", None, "ORDERS_CLIENT_SECRET: must be set"),
        ("ORDERS_CLIENT_SECRET", LOCAL_CLIENT_SECRET, "ORDERS_CLIENT_SECRET: is the published one"),
        ("ORDERS_CRM_AUDIENCE", None, "ORDERS_CRM_AUDIENCE: must be set"),
        ("ORDERS_CRM_AUDIENCE", "http://crm.example", "ORDERS_CRM_AUDIENCE: must be an https URL"),
        ("ORDERS_CRM_URL", "http://crm.example", "ORDERS_CRM_URL: must be an https URL"),
        ("ORDERS_TOKEN_URL", "http://auth.example/token", "ORDERS_TOKEN_URL: must be an https URL"),
        ("ORDERS_CRM_URL", "https://crm.example/", "ORDERS_CRM_URL: "),
        ("ORDERS_CRM_URL", "crm.example", "ORDERS_CRM_URL: "),
        ("ORDERS_CLIENT_ID", "", "ORDERS_CLIENT_ID: "),
    ],
)
def test_production_refuses(environment: pytest.MonkeyPatch, name: str, value: str | None, fault: str) -> None:
    if value is None:
        environment.delenv(name)
    else:
        environment.setenv(name, value)
    with pytest.raises(ConfigurationError, match=fault):
        load_settings(OrdersSettings)


def test_the_secret_is_not_in_what_is_printed(environment: pytest.MonkeyPatch) -> None:
    assert PRODUCTION["ORDERS_CLIENT_SECRET"] not in repr(load_settings(OrdersSettings))
