"""A draft can be saved as it is read, also when a rule came after it (ADR-0045)."""

from uuid import UUID

import pytest
from pydantic import ValidationError

from services.orders.endpoints.bodies import OrderIn, OrderPatch
from services.orders.orders import OrderDetails, OrderLine
from shared.errors import InvalidInput

CUSTOMER = UUID("0190a1b0-0000-7000-8000-00000000c001")
OLD = OrderDetails(CUSTOMER, "HRK", (OrderLine("\u200b", 1, 5),))
LINE = {"description": "\u200b", "quantity": 1, "unit_price_minor": 5}


def test_a_draft_in_a_currency_that_is_gone_can_be_saved_as_it_is_read() -> None:
    patch = OrderPatch.model_validate({"customer_id": str(CUSTOMER), "currency": "HRK", "lines": [LINE]})
    assert patch.applied_to(OLD) == OLD


@pytest.mark.parametrize("change", [{"currency": "XXX"}, {"lines": [{**LINE, "quantity": 2}]}])
def test_a_change_is_held_against_the_rules_of_today(change: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        OrderPatch.model_validate(change).applied_to(OLD)


@pytest.mark.parametrize("change", [{"currency": "HRK"}, {"lines": [LINE]}])
def test_so_is_a_new_order(change: dict[str, object]) -> None:
    good = {"customer_id": str(CUSTOMER), "currency": "EUR", "lines": [{**LINE, "description": "Teapot"}]}
    OrderIn.model_validate(good)
    with pytest.raises(ValidationError):
        OrderIn.model_validate({**good, **change})
