"""Lists of records as a query asks for them and a store gives them: order, filters, and which page.

Policy: ADR-0018
In: `limit`, `cursor`; what else a list takes is its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.api.pagination import LONGEST_CURSOR, NOT_OURS, Cursor, Limit
from shared.api.reach import Reach
from shared.errors import InvalidInput


@dataclass(frozen=True)
class Listing:
    """Which records, and in what order. `where` holds filters by name, as the resource's store knows them."""

    sort: str = "created_at"
    descending: bool = True
    where: Mapping[str, Any] = field(default_factory=dict)

    def identity(self, resource: str, reach: Reach) -> str:
        """Return the text that a cursor of this listing is good for."""
        filters = sorted((name, str(value)) for name, value in self.where.items())
        seen = [reach.everyone, reach.subject, reach.team]
        return json.dumps([resource, self.sort, self.descending, filters, seen])


class PageQuery(BaseModel):
    """The part of a list's query that says which page. A parameter that is not known is refused."""

    model_config = ConfigDict(extra="forbid")

    #: Sorts whose values are text; the others are moments.
    text_sorts: ClassVar[frozenset[str]] = frozenset()

    limit: Limit = 50
    cursor: Annotated[str, Field(max_length=LONGEST_CURSOR)] | None = Field(
        default=None,
        description="`next_cursor` of the page before, as it was given. It is good for the same order, filters and "
        "caller alone; how many records a page has may change.",
    )

    def after(self, listing: Listing, resource: str, reach: Reach) -> Cursor | None:
        """Return the place that the page begins after, None for the first page.

        Raises:
            InvalidInput: the cursor is not one that this API gave for this list.
        """
        if self.cursor is None:
            return None
        kind = str if listing.sort in self.text_sorts else datetime
        try:
            return Cursor.decode(self.cursor, listing.identity(resource, reach), kind)
        except ValueError as error:
            raise InvalidInput(NOT_OURS, "query", "cursor") from error
