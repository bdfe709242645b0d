"""What the running request brings about that is not a row of its own: its refusal, and what it was issued.

Policy: ADR-0078
Named from wherever it is decided, without a database: the request's end counts it, and writes it down within bounds.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.request_context import log_fields, note


@dataclass(frozen=True)
class Occurrence:
    """`event` is the name in the trail. `grant`: of what was issued; None: it is a refusal.

    `about`: a digest of what it is about, which is counted apart and not written; None: of its user.
    """

    event: str
    client_id: str | None = None
    user_id: UUID | None = None
    family_id: UUID | None = None
    grant: str | None = None
    about: bytes | None = None
    details: tuple[tuple[str, Any], ...] = ()


_noted: ContextVar[list[Occurrence] | None] = ContextVar("occurrences", default=None)


def begin_occurrences() -> list[Occurrence]:
    """Return the list that the request of this task fills."""
    noted: list[Occurrence] = []
    _noted.set(noted)
    return noted


def refuse(
    event: str,
    *,
    client_id: str | None = None,
    user_id: UUID | None = None,
    family_id: UUID | None = None,
    about: bytes | None = None,
    **details: Any,
) -> None:
    """Name why the request is refused; the first name counts, which is the one nearest to the reason.

    `about`: the account that was tried, whether or not there is one, so that writing a row tells nobody which.
    `client_id` must be a registered one; without it, the one that the request was found to come from.
    """
    noted = _noted.get()
    if noted is None or any(each.grant is None for each in noted):
        return
    client_id = client_id or log_fields().get("client_id")
    noted.append(Occurrence(str(event), client_id, user_id, family_id, None, about, tuple(details.items())))
    note(refusal=str(event), **({} if client_id is None else {"client_id": client_id}))


def issued(event: str, grant: str, *, client_id: str, user_id: UUID | None = None) -> None:
    """Name what the request was given: `event` goes into the trail, `grant` into the metrics."""
    if (noted := _noted.get()) is not None:
        noted.append(Occurrence(event, client_id, user_id, grant=grant))
        note(grant=grant)
