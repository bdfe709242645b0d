"""python -m services.orders: serve, apply, doctor.

Exit 0 done, 1 refused or failed (one line on standard error says why), 2 wrong usage.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.orders import doctor
from services.orders.app import create_app
from services.orders.endpoints.orders import OrderIn
from services.orders.orders import Order, OrderStatus
from services.orders.settings import OrdersSettings
from services.orders.storage.orders import SqlOrders
from shared.asgi import Edge, serve
from shared.bearer import Owner, Reach
from shared.config_file import load_config
from shared.database import Database
from shared.errors import ConfigurationError, SuiteError
from shared.logs import configure_logs
from shared.settings import load_settings


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
    """Run one command and return its exit code; without `arguments`, those of the process."""
    options = _parser().parse_args(arguments)
    if options.command == "doctor":  # loads the settings itself: bad ones are its first finding
        return doctor.run()
    try:
        settings = load_settings(OrdersSettings)
        configure_logs("orders", settings.log_level)
        if options.command == "serve":
            _serve(settings)
        else:
            _apply(settings, options.file, plan=options.plan)
    except SuiteError as error:
        print(f"orders: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m services.orders", description="The Orders API.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve until SIGTERM or Ctrl-C")
    apply = commands.add_parser("apply", help="bring the seed records in line with a configuration file")
    apply.add_argument("file", type=Path)
    apply.add_argument("--plan", action="store_true", help="say what would change, and change nothing")
    commands.add_parser("doctor", help="look at settings, database, issuer, keys and clocks; exit 1 if one fails")
    return parser


def _serve(settings: OrdersSettings) -> None:
    certificate, key = settings.tls_cert_file, settings.tls_key_file
    serve(Edge(create_app(settings)), host=settings.host, port=settings.port, certificate=certificate, key=key)


def _apply(settings: OrdersSettings, file: Path, *, plan: bool) -> None:
    """Add and correct the file's records; others are left alone.

    Raises:
        ConfigurationError: the file is bad, or this is production, which takes no seeds.
    """
    if not settings.local:
        raise ConfigurationError("apply: seed records are refused with ENVIRONMENT=production")
    seeds = _read_seeds(file)
    database = Database(settings.database("orders"))
    try:
        changes = list(_changes(seeds, SqlOrders(database), settings, plan=plan))
    finally:
        database.dispose()
    print("\n".join(changes) or "nothing to do")


def _read_seeds(file: Path) -> list[SeedOrder]:
    try:
        return Seeds.model_validate(load_config(file).get("orders", {})).orders
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{file}: orders.{where}: {first['msg']}") from error


def _changes(seeds: list[SeedOrder], orders: SqlOrders, settings: OrdersSettings, *, plan: bool) -> Iterator[str]:
    now = settings.clock().now()
    for seed in seeds:
        wanted = Order(seed.id, Owner(seed.owner_sub, seed.owner_team), seed.details(), OrderStatus.DRAFT, now, now)
        found = orders.find(seed.id, Reach(everyone=True))
        if found is None:
            if not plan:
                orders.add(wanted)
            yield f"order {seed.id}: added"
        elif (found.owner, found.details) != (wanted.owner, wanted.details):
            if not plan:
                orders.replace(replace(wanted, status=found.status, created_at=found.created_at))
            yield f"order {seed.id}: changed"
