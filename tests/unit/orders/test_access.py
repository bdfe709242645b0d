from services.auth.accounts import browser_session as sessions
from services.orders.endpoints import access


def test_a_refund_demands_a_sign_in_of_a_class_that_the_provider_has() -> None:
    """Its name is the provider's to give and stands in both services: neither imports the other."""
    assert access.ACR_MFA == sessions.ACR_MFA
