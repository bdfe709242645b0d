"""python -m services.orders: serve, apply, doctor, records, purge.

`apply` brings seed records here, in ENVIRONMENT=local alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from services.orders.app import create_app
from services.orders.endpoints.bodies import OrderIn
from services.orders.history import Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import Order, changes_between
from services.orders.settings import OrdersSettings
from services.orders.storage.orders import SqlOrders
from services.orders.storage.upkeep import OrderUpkeep, teams_of
from shared.api.history import OPERATOR
from shared.api.reach import Reach
from shared.api.seeds import Seed, Seeding
from shared.api.upkeep import UpkeepCommands
from shared.command_line import Commands
from shared.database import Database


class SeedOrder(OrderIn, Seed):
    """An order of the configuration file."""


class Seeds(BaseModel):
    """The section `orders` of the configuration file."""

    model_config = ConfigDict(extra="forbid")

    orders: list[SeedOrder] = Field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    apply = Seeding("orders", Seeds, teams_of, _changes).apply
    upkeep = UpkeepCommands("orders", OrderUpkeep)
    return Commands("orders", OrdersSettings, create_app, apply, _doctor, upkeep.add_to).run(arguments)


def _doctor() -> int:
    from services.orders import doctor  # noqa: PLC0415 - it brings Alembic, which a service that starts needs not

    return doctor.run()


def _changes(seeds: Seeds, database: Database, now: datetime, write: bool) -> Iterator[str]:
    orders = SqlOrders(database)
    for seed in seeds.orders:
        wanted = Order(seed.id, seed.owner(), seed.details(), OrderStatus.DRAFT, now, now)
        found = orders.find(seed.id, Reach(everyone=True))
        if found is None:
            what = changes_between(None, wanted.details)
            if write:
                orders.add(wanted, Change(1, now, OPERATOR, "create", None, wanted.status, what))
            yield f"order {seed.id}: added"
        elif (found.owner, found.details) != (wanted.owner, wanted.details):
            what = changes_between(found.details, wanted.details)
            change = Change(found.version + 1, now, OPERATOR, "edit", found.status, found.status, what)
            if write:
                orders.replace(replace(found, owner=wanted.owner, details=wanted.details, updated_at=now), change)
            yield f"order {seed.id}: changed"
