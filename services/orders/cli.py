"""python -m services.orders: serve, apply, doctor. `apply` brings seed records here, in ENVIRONMENT=local alone."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.orders.app import create_app
from services.orders.endpoints.bodies import OrderIn
from services.orders.history import Actor, Change
from services.orders.lifecycle import OrderStatus
from services.orders.orders import Order, changes_between
from services.orders.settings import OrdersSettings
from services.orders.storage.orders import SqlOrders
from shared.bearer import Owner, Reach
from shared.command_line import Commands
from shared.config_file import load_config
from shared.database import Database
from shared.errors import ConfigurationError

#: Who stands in the history of a record that a configuration file brought: no user and no client.
_OPERATOR = Actor("operator", "apply")


class SeedOrder(OrderIn):
    """An order of the configuration file: it says its id and its owner."""

    id: UUID
    owner_sub: str = Field(min_length=1, max_length=255)
    owner_team: str | None = Field(default=None, max_length=255)


class Seeds(BaseModel):
    """The section `orders` of the configuration file."""

    model_config = ConfigDict(extra="forbid")

    orders: list[SeedOrder] = Field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return Commands("orders", OrdersSettings, create_app, _apply, _doctor).run(arguments)


def _doctor() -> int:
    from services.orders import doctor  # noqa: PLC0415 - it brings Alembic, which a service that starts needs not

    return doctor.run()


def _apply(settings: OrdersSettings, file: Path, write: bool) -> list[str]:
    """Add and correct the file's records; others are left alone.

    Raises:
        ConfigurationError: the file is bad, or this is production, which takes no seeds.
    """
    if not settings.local:
        raise ConfigurationError("apply: seed records are refused with ENVIRONMENT=production")
    seeds = _read_seeds(file)
    database = Database(settings.database("orders"))
    try:
        return list(_changes(seeds, SqlOrders(database), settings, write=write))
    finally:
        database.dispose()


def _read_seeds(file: Path) -> list[SeedOrder]:
    try:
        return Seeds.model_validate(load_config(file).get("orders", {})).orders
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{file}: orders.{where}: {first['msg']}") from error


def _changes(seeds: list[SeedOrder], orders: SqlOrders, settings: OrdersSettings, *, write: bool) -> Iterator[str]:
    now = settings.clock().now()
    for seed in seeds:
        wanted = Order(seed.id, Owner(seed.owner_sub, seed.owner_team), seed.details(), OrderStatus.DRAFT, now, now)
        found = orders.find(seed.id, Reach(everyone=True))
        if found is None:
            what = changes_between(None, wanted.details)
            if write:
                orders.add(wanted, Change(1, now, _OPERATOR, "create", None, wanted.status, what))
            yield f"order {seed.id}: added"
        elif (found.owner, found.details) != (wanted.owner, wanted.details):
            what = changes_between(found.details, wanted.details)
            change = Change(found.version + 1, now, _OPERATOR, "edit", found.status, found.status, what)
            if write:
                orders.replace(replace(found, owner=wanted.owner, details=wanted.details, updated_at=now), change)
            yield f"order {seed.id}: changed"
