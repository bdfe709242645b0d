"""The history of an order: every change, who made it, through which client, and what it changed. It only grows.

Policy: ADR-0026
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.orders.lifecycle import OrderStatus
from shared.api.history import Actor


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the version that it made, when, by whom, from where to where, and each member that it changed.

    `action` is `create`, `edit`, `reassign`, or a move. `changes` maps a member to `{"from": ..., "to": ...}`; of the
    lines of an edited order both hold those alone that differ, each with its `position`.
    """

    version: int
    at: datetime
    actor: Actor
    action: str
    from_status: OrderStatus | None
    to_status: OrderStatus
    changes: Mapping[str, Any] = field(default_factory=dict)
