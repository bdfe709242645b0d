"""the history of an order holds the lines that an edit changed, and not all of them twice"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_line_differences"
down_revision = "0003_order_history"
branch_labels = None
depends_on = None

_HISTORY = sa.table(
    "order_history",
    sa.column("order_id", sa.Uuid()),
    sa.column("version", sa.Integer()),
    sa.column("changes", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
)
_KEY = (_HISTORY.c.order_id, _HISTORY.c.version)
_AT_ONCE = 100


def upgrade() -> None:
    db, last = op.get_bind(), None
    while True:
        edits = sa.select(*_KEY, _HISTORY.c.changes).where(_HISTORY.c.version > 1).order_by(*_KEY).limit(_AT_ONCE)
        rows = db.execute(edits if last is None else edits.where(sa.tuple_(*_KEY) > last)).all()
        for order_id, version, changes in rows:
            lines = changes.get("lines")
            if lines is not None and lines["from"] is not None:
                this = (_HISTORY.c.order_id == order_id, _HISTORY.c.version == version)
                told = {**changes, "lines": differences(lines["from"], lines["to"])}
                db.execute(sa.update(_HISTORY).where(*this).values(changes=told))
        if len(rows) < _AT_ONCE:
            return
        last = sa.tuple_(sa.literal(rows[-1].order_id, sa.Uuid()), rows[-1].version)


def downgrade() -> None:
    """Leave it: the code before shows what a row holds, and the lines that did not change are not there any more."""


def differences(before: list[Any], after: list[Any]) -> dict[str, Any]:
    """As services.orders.orders had it when this was written."""
    most = min(len(before), len(after))
    start = next((place for place in range(most) if before[place] != after[place]), most)
    most -= start
    end = next((place for place in range(most) if before[-1 - place] != after[-1 - place]), most)
    went, came = list(range(start, len(before) - end)), list(range(start, len(after) - end))
    if len(went) == len(came):
        went = came = [place for place in went if before[place] != after[place]]
    return {
        "from": [{"position": place + 1, **before[place]} for place in went],
        "to": [{"position": place + 1, **after[place]} for place in came],
    }
