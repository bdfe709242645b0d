"""What orders look like on the wire: bodies, answers, queries, each with its limits and an example.

In: OrderIn, OrderPatch, OrderQuery. Out: OrderOut, OrderPage, HistoryPage; money in minor units (cents)
of the order's currency, times in UTC.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    StringConstraints,
)

from services.orders.currencies import CURRENCIES
from services.orders.history import Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import MAX_INTEGER, MAX_LINES, Order, OrderDetails, OrderLine
from shared.api.history import ActorOut
from shared.api.listing import Listing, PageQuery
from shared.api.timestamp import Timestamp
from shared.api.visible_text import is_visible
from shared.errors import InvalidInput

_CUSTOMER = "0190a1b0-0000-7000-8000-00000000c001"
_TEAPOT = {"description": "Teapot", "quantity": 2, "unit_price_minor": 2450}
_NOON = "2030-01-01T12:00:00Z"


_NO_CURRENCY = "no currency of ISO 4217"
_SHOWS_NOTHING = "each description must show a letter, a digit or a sign"


def _in_use(currency: str) -> str:
    if currency not in CURRENCIES:
        raise ValueError(_NO_CURRENCY)
    return currency


# Without NUL, which PostgreSQL cannot store in text.
Description = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00]*$"),
    Field(examples=["Teapot"]),
]
Currency = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{3}$"),
    Field(description="A currency of ISO 4217 that is in use.", examples=["EUR"]),
]
CustomerId = Annotated[
    UUID, Field(description="The id of a CRM contact that the caller may see.", examples=[_CUSTOMER])
]


class Line(BaseModel):
    """One line of an order; the price of one, in minor units of the order's currency."""

    model_config = ConfigDict(extra="forbid")

    description: Description
    quantity: StrictInt = Field(ge=1, le=MAX_INTEGER, examples=[2])
    unit_price_minor: StrictInt = Field(ge=0, le=MAX_INTEGER, examples=[2450])

    def line(self) -> OrderLine:
        """Return it as the domain has it."""
        return OrderLine(self.description, self.quantity, self.unit_price_minor)

    @classmethod
    def of(cls, line: OrderLine) -> "Line":
        """Return a line that was validated when it came in."""
        return cls.model_construct(
            description=line.description, quantity=line.quantity, unit_price_minor=line.unit_price_minor
        )


def _total_is_exact(lines: list[Line]) -> list[Line]:
    if sum(line.quantity * line.unit_price_minor for line in lines) > MAX_INTEGER:
        raise ValueError("the total is too large")
    return lines


def _all_shown(lines: list[Line]) -> list[Line]:
    if not all(is_visible(line.description) for line in lines):
        raise ValueError(_SHOWS_NOTHING)
    return lines


Lines = Annotated[
    list[Line],
    Field(min_length=1, max_length=MAX_LINES, description="Their total is at most 2^53 - 1 minor units."),
    AfterValidator(_total_is_exact),
]


class OrderIn(BaseModel):
    """What a caller may say of an order; owner, status, total and times are not theirs to say."""

    model_config = ConfigDict(extra="forbid")

    customer_id: CustomerId
    currency: Annotated[Currency, AfterValidator(_in_use)]
    lines: Annotated[Lines, AfterValidator(_all_shown)]

    def details(self) -> OrderDetails:
        """Return it as the domain has it."""
        return OrderDetails(self.customer_id, self.currency, tuple(line.line() for line in self.lines))


class OrderPatch(BaseModel):
    """A change of a draft (RFC 7396): members that are sent are set, the others stay; none can be removed."""

    model_config = ConfigDict(extra="forbid")

    customer_id: CustomerId = Field(default_factory=lambda: UUID(int=0))
    currency: Currency = Field(default_factory=str)
    lines: Lines = Field(default_factory=list)

    @property
    def new_customer(self) -> UUID | None:
        """The customer that is named, None if none is."""
        return self.customer_id if "customer_id" in self.model_fields_set else None

    def applied_to(self, details: OrderDetails) -> OrderDetails:
        """Return the details with what was sent in place. What the order has already is not judged again (ADR-0045).

        Raises:
            InvalidInput: a currency that changes to one that is not in use, a new line that shows nothing.
        """
        sent = self.model_fields_set
        if "currency" in sent and self.currency != details.currency and self.currency not in CURRENCIES:
            raise InvalidInput(_NO_CURRENCY, "body", "currency")
        for number, line in enumerate(self.lines if "lines" in sent else ()):
            if not is_visible(line.description) and line.line() not in details.lines:
                raise InvalidInput(_SHOWS_NOTHING, "body", "lines", str(number), "description")
        return OrderDetails(
            self.customer_id if "customer_id" in sent else details.customer_id,
            self.currency if "currency" in sent else details.currency,
            tuple(line.line() for line in self.lines) if "lines" in sent else details.lines,
        )


class OrderOut(BaseModel):
    """An order as it is answered."""

    id: UUID = Field(examples=["0190a1b0-0000-7000-8000-00000000d001"])
    customer_id: UUID = Field(examples=[_CUSTOMER])
    currency: str = Field(examples=["EUR"])
    lines: list[Line]
    total_minor: int = Field(description="The sum of the lines, in minor units.", examples=[4900])
    status: OrderStatus
    created_at: datetime = Field(examples=[_NOON])
    updated_at: datetime = Field(examples=[_NOON])

    @classmethod
    def of(cls, order: Order) -> "OrderOut":
        """Return the order without what is ours alone."""
        details = order.details
        return cls(
            id=order.id,
            customer_id=details.customer_id,
            currency=details.currency,
            lines=[Line.of(line) for line in details.lines],
            total_minor=details.total_minor,
            status=order.status,
            created_at=order.created_at,
            updated_at=order.updated_at,
        )


class OrderPage(BaseModel):
    """One page of orders, and the cursor of the next (`null`: this is the last)."""

    items: list[OrderOut]
    next_cursor: str | None


class OrderQuery(PageQuery):
    """Which orders, in which order, and which page of them."""

    sort: Literal["created_at", "-created_at", "updated_at", "-updated_at"] = Field(
        default="-created_at", description="`-` turns the order round: newest first is the default."
    )
    status: OrderStatus | None = Field(default=None, description="Orders with this status.")
    customer_id: UUID | None = Field(default=None, description="Orders of that customer.", examples=[_CUSTOMER])
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="Orders in that currency.", examples=["EUR"]
    )
    created_from: Timestamp | None = Field(default=None, description="Orders created then or later.")
    created_to: Timestamp | None = Field(default=None, description="Orders created before then.")

    def listing(self) -> Listing:
        """Return it as the domain has it."""
        filters = ("status", "customer_id", "currency", "created_from", "created_to")
        where = {name: sought for name in filters if (sought := getattr(self, name)) is not None}
        return Listing(self.sort.removeprefix("-"), self.sort.startswith("-"), where)


class ChangeOut(BaseModel):
    """One change of an order."""

    version: int = Field(description="The version that it made; the first is 1.", examples=[2])
    at: datetime = Field(examples=[_NOON])
    actor: ActorOut
    action: str = Field(description="`create`, `edit`, `reassign`, or the move.", examples=["place"])
    from_status: OrderStatus | None = Field(description="`null`: it began with this.")
    to_status: OrderStatus
    changes: dict[str, Any] = Field(
        description='Each member that changed, as `{"from": ..., "to": ...}`. When an order is edited, `lines` holds '
        "those alone that differ, each with its `position` (from 1 on).",
        examples=[{"currency": {"from": "GBP", "to": "EUR"}}],
    )

    @classmethod
    def of(cls, change: Change) -> "ChangeOut":
        """Return the change."""
        return cls(
            version=change.version,
            at=change.at,
            actor=ActorOut.of(change.actor),
            action=change.action,
            from_status=change.from_status,
            to_status=change.to_status,
            changes=dict(change.changes),
        )


class HistoryPage(BaseModel):
    """One page of changes, the last first, and the cursor of the next (`null`: this is the last)."""

    items: list[ChangeOut]
    next_cursor: str | None
