"""Principal: the verified caller at an API, as its access token tells.

Spec: RFC 9068 s2.2
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from shared.bearer.status.status_list import StatusReference

#: `sub` of a machine client is this and its client_id; subjects of users are UUIDs, so the two cannot collide.
MACHINE_PREFIX = "client:"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, through which client, with which rights. A user is (issuer, subject), never an e-mail address.

    `jkt`: the key that the token is bound to, which the request has proved to hold.

    `claims` are those of the token that have no field here (`act`, `amr`, an issuer's own), None if there are none.
    """

    issuer: str
    subject: str
    client_id: str
    token_id: str
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime
    groups: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()
    acr: str | None = None
    auth_time: datetime | None = None
    sid: str | None = None
    status: StatusReference | None = None
    claims: Mapping[str, Any] | None = None
    not_before: datetime | None = None
    jkt: str | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Refuse to be read from a request: `caller: Principal` without a requirement would let the caller choose it.

        Raises:
            TypeError: always; FastAPI asks for the schema when the route is made.
        """
        del source, handler
        raise TypeError("a Principal is never read from a request nor answered: Depends(require_scope(...)) yields it")

    @property
    def is_machine(self) -> bool:
        """Whether a client acts for itself (client_credentials) without a user."""
        return self.subject.startswith(MACHINE_PREFIX)

    @property
    def team(self) -> str | None:
        """The team of the user: the one group that the provider puts in a token (RFC 9068 s2.2.3), if it has a name."""
        return next(iter(self.groups), "") or None
