"""What `python -m services.orders doctor` looks at: all that a resource server needs, and the CRM that it asks.

Spec: RFC 9728 s3.3; Policy: ADR-0025
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.orders.settings import OrdersSettings
from shared import doctor
from shared.bearer.checks import resource_server_checks
from shared.bearer.web.metadata import metadata_url
from shared.doctor import Check, Failed, Finding, Web, ok


def run() -> int:
    """Print the report and return the exit code."""
    return doctor.run("orders", OrdersSettings, checks)


def checks(settings: OrdersSettings, web: Web) -> Sequence[Check]:
    """Return the checks of Orders. Its secret is not tried: an exchange needs a caller's token."""
    remedy = "correct ORDERS_CRM_URL and ORDERS_CRM_AUDIENCE, or start the CRM"
    return [*resource_server_checks("orders", settings, web), Check("customers", _Crm(settings, web).itself, remedy)]


@dataclass(frozen=True)
class _Crm:
    """The CRM, and the network to it."""

    settings: OrdersSettings
    web: Web

    def itself(self) -> Finding:
        address, name = self.settings.customers_url, self.settings.crm_audience
        called = self.web.get(metadata_url(address)).document().get("resource")
        if called != name:
            raise Failed(f"what answers at {address} calls itself {called!r}, not {name}")
        return ok(f"the CRM answers at {address}, and calls itself {name}")
