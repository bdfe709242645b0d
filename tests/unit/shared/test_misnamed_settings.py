"""A variable that an operator takes for a setting, and no service reads."""

import re
from pathlib import Path

import pytest

from services.auth.settings import AuthSettings
from services.crm.settings import CrmSettings
from services.orders.settings import OrdersSettings
from shared.misnamed_settings import misnamed_settings, setting_names
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[3]
SERVICES: tuple[type[ServiceSettings], ...] = (AuthSettings, CrmSettings, OrdersSettings)


@pytest.mark.parametrize(
    ("settings", "given", "told"),
    [
        (AuthSettings, "BACKCHANNEL_CA_FILE", "BACKCHANNEL_CA_FILE is not a setting; AUTH_BACKCHANNEL_CA_FILE is"),
        (AuthSettings, "AUTH_KEY_ENCRYPTION_KEY", "; AUTH_KEY_ENCRYPTION_KEYS is"),
        (AuthSettings, "AUTH_KEY_ENCRYPTION_KEY_FILE", "; AUTH_KEY_ENCRYPTION_KEYS_FILE is"),
        (AuthSettings, "KEY_ENCRYPTION_KEYS_FILE", "; AUTH_KEY_ENCRYPTION_KEYS_FILE is"),
        (AuthSettings, "AUTH_TRUSTED_PROXY", "; AUTH_TRUSTED_PROXIES is"),
        (AuthSettings, "AUTH_NONSENSE", "AUTH_NONSENSE is not a setting, see .env.example"),
        (AuthSettings, "AUTH_LOG_LEVEL", "AUTH_LOG_LEVEL is not a setting, see .env.example"),
        (AuthSettings, "ENVIROMENT", "; ENVIRONMENT is"),
        (CrmSettings, "DATABASE_URL", "; CRM_DATABASE_URL is"),
        (CrmSettings, "CRM_BACKCHANNEL_CA_FILE", "CRM_BACKCHANNEL_CA_FILE is not a setting"),
        (CrmSettings, "CRM_JWKS_URI", "; CRM_JWKS_URL is"),
        (CrmSettings, "MAX_TOKEN_LIFETIME", "; CRM_MAX_TOKEN_LIFETIME is"),
        (OrdersSettings, "ORDER_CLIENT_SECRET", "; ORDERS_CLIENT_SECRET is"),
        (OrdersSettings, "CLIENT_SECRET", "; ORDERS_CLIENT_SECRET is"),
        (OrdersSettings, "ORDERS_CRM_AUDIENCES", "; ORDERS_CRM_AUDIENCE is"),
    ],
)
def test_the_right_name_is_told(settings: type[ServiceSettings], given: str, told: str) -> None:
    [found] = misnamed_settings(settings, [given])
    assert told in found


@pytest.mark.parametrize("settings", SERVICES)
def test_what_is_no_mistake_is_left_alone(settings: type[ServiceSettings]) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    documented = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE)
    in_files = [f"{name}_FILE" for name in setting_names(settings)]
    links = ["AUTH_SERVICE_HOST", "AUTH_SERVICE_PORT_HTTP", "CRM_PORT_9001_TCP", "ORDERS_PORT_9002_TCP_ADDR"]
    of_the_shell = ["PATH", "HOME", "PORT", "HOST", "ISSUER", "SSL_CERT_FILE", "COMPOSE_PROJECT_NAME", "CI", "SOAK"]
    assert len(documented) > 100
    assert misnamed_settings(settings, [*documented, *in_files, *links, *of_the_shell]) == []


def test_doctor_and_start_look_at_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKCHANNEL_CA_FILE", "/never/shown")
    [told] = [line for line in misnamed_settings(AuthSettings) if "BACKCHANNEL" in line]
    assert "/never/shown" not in told
