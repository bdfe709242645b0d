"""What `python -m services.crm doctor` looks at: all that a resource server needs; the CRM has nothing of its own."""

from services.crm.settings import CrmSettings
from shared import doctor
from shared.bearer.checks import resource_server_checks


def run() -> int:
    """Print the report and return the exit code."""
    return doctor.run("crm", CrmSettings, lambda settings, web: resource_server_checks("crm", settings, web))
