"""What a client's entry in the configuration may say about the APIs that it speaks for and trades tokens with."""

from copy import deepcopy
from typing import Any

import pytest

from services.auth.provisioning.parse import parse_configuration
from shared.errors import ConfigurationError

CRM, ORDERS = "https://crm.example", "https://orders.example"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

GOOD: dict[str, Any] = {
    "apis": [
        {
            "identifier": CRM,
            "name": "CRM",
            "scopes": [
                {"name": "crm:read", "description": ""},
                {"name": "crm:write", "description": ""},
                {"name": "crm:read:all", "description": "", "machine_only": True},
                {"name": "crm:admin", "description": "", "role": "admin"},
            ],
        },
        {"identifier": ORDERS, "name": "Orders", "scopes": [{"name": "orders:read", "description": ""}]},
    ],
    "clients": [
        {
            "client_id": "orders-api",
            "client_name": "Orders",
            "application_type": "web",
            "token_endpoint_auth_method": "client_secret_basic",
            "client_secret": "a-secret-of-its-own-of-32-characters",
            "grant_types": [EXCHANGE],
            "scope": "crm:read crm:read:all crm:admin orders:read openid",
            "resource_identifiers": [ORDERS],
            "token_exchange_targets": [{"resource": CRM, "scope": "crm:read"}],
        }
    ],
}


def parse(**changes: Any) -> Any:
    content = deepcopy(GOOD)
    content["clients"][0] |= changes
    return parse_configuration(content, local=True).clients[0]


def test_an_api_may_speak_for_itself_and_trade_for_another() -> None:
    metadata = parse().metadata()
    assert metadata["resource_identifiers"] == [ORDERS]
    assert metadata["token_exchange_targets"] == [{"resource": CRM, "scope": "crm:read"}]


@pytest.mark.parametrize(
    "changes",
    [
        {"resource_identifiers": []},
        {"resource_identifiers": ["https://nobody.example"]},
        {"token_exchange_targets": []},
        {"grant_types": []},
        {"token_endpoint_auth_method": "none", "client_secret": None},
        {"token_exchange_targets": [{"resource": "https://nobody.example", "scope": "crm:read"}]},
        {"token_exchange_targets": [{"resource": ORDERS, "scope": "orders:read"}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": ""}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": "crm:read orders:read"}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": "crm:read openid"}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": "crm:read:all"}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": "crm:admin"}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": "crm:write"}]},
        {"token_exchange_targets": [{"resource": CRM, "scope": "crm:read", "audience": ORDERS}]},
        {"token_exchange_targets": {CRM: "crm:read"}},
    ],
)
def test_a_registration_that_could_trade_too_much_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^clients\.") as error:
        parse(**changes)
    assert "\n" not in str(error.value)
