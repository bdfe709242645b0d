"""What `python -m services.orders doctor` looks at: all that a resource server needs; Orders has nothing of its own."""

from services.orders.settings import OrdersSettings
from shared import doctor
from shared.bearer.checks import resource_server_checks


def run() -> int:
    """Print the report and return the exit code."""
    return doctor.run("orders", OrdersSettings, lambda settings, web: resource_server_checks("orders", settings, web))
