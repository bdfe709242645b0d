"""Lists of records: what a cursor is good for."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from shared.api.listing import Listing, PageQuery
from shared.api.pagination import Cursor
from shared.api.reach import Reach
from shared.errors import InvalidInput

MINE = Reach(subject="alice")
NOON = Cursor(datetime(2030, 1, 1, 12, tzinfo=UTC), UUID(int=1))


class ByName(PageQuery):
    """A list that can be sorted by text."""

    text_sorts = frozenset({"name"})


def test_without_a_cursor_it_is_the_first_page() -> None:
    assert PageQuery().after(Listing(), "teapots", MINE) is None


def test_a_cursor_is_the_place_after_a_record_by_moment_or_by_text() -> None:
    given = PageQuery(cursor=NOON.encode(Listing().identity("teapots", MINE)))
    assert given.after(Listing(), "teapots", MINE) == NOON
    named, listing = Cursor("hatter", UUID(int=1)), Listing("name")
    given = ByName(cursor=named.encode(listing.identity("teapots", MINE)))
    assert given.after(listing, "teapots", MINE) == named


@pytest.mark.parametrize(
    ("listing", "resource", "reach"),
    [
        (Listing("updated_at"), "teapots", MINE),
        (Listing(descending=False), "teapots", MINE),
        (Listing(where={"colour": "blue"}), "teapots", MINE),
        (Listing(), "cups", MINE),
        (Listing(), "teapots", Reach(subject="bob")),
        (Listing(), "teapots", Reach(subject="alice", team="sales")),
        (Listing(), "teapots", Reach(everyone=True)),
    ],
)
def test_a_cursor_is_refused_by_every_other_list(listing: Listing, resource: str, reach: Reach) -> None:
    given = PageQuery(cursor=NOON.encode(Listing().identity("teapots", MINE)))
    with pytest.raises(InvalidInput):
        given.after(listing, resource, reach)
