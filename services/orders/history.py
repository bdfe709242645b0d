"""The history of an order: every change, who made it, through which client, and what it changed. It only grows.

Policy: ADR-0026
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.orders.lifecycle import OrderStatus
from shared.bearer import Principal


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changed something: the user, the client they used, and who acted for them, if anybody did (RFC 8693 s4.1)."""

    subject: str
    client_id: str
    acting: str | None = None

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        """Return the caller; of a chain of actors the current one, which alone counts."""
        act = (principal.claims or {}).get("act")
        acting = act.get("sub") if isinstance(act, Mapping) else None
        return cls(principal.subject, principal.client_id, acting if isinstance(acting, str) else None)


@dataclass(frozen=True, slots=True)
class Change:
    """One change: the version that it made, when, by whom, from where to where, and each member that it changed.

    `action` is `create`, `edit`, or a move. `changes` maps a member to `{"from": ..., "to": ...}`.
    """

    version: int
    at: datetime
    actor: Actor
    action: str
    from_status: OrderStatus | None
    to_status: OrderStatus
    changes: Mapping[str, Any] = field(default_factory=dict)
