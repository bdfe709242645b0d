"""What PostgreSQL does in one round trip when a code is issued or redeemed.

Policy: ADR-0071
Rows that belong together are written by one statement: a code and its audit event; the used code, its family and the
event.
"""

from typing import Any

from sqlalchemy import BindParameter, Column, Table, bindparam, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql

from services.auth.storage.families import SET_LATER
from services.auth.storage.status_shards import FAMILY_SHARD
from services.auth.storage.tables import audit_events, authorization_codes, families
from shared.compiled_statement import CompiledStatement

_code, _family = authorization_codes.c, families.c
#: What the redemption sets.
_SET_BY_USE = frozenset({"used_at", "family_id"})


def _given(column: Column[Any], prefix: str) -> BindParameter[Any]:
    return bindparam(f"{prefix}{column.name}", type_=column.type)


def _given_row(
    table: Table, prefix: str = "", *, without: frozenset[str] = frozenset()
) -> dict[str, BindParameter[Any]]:
    return {column.name: _given(column, prefix) for column in table.c if column.name not in without}


def _add(_: str) -> Any:
    return insert(authorization_codes).values(_given_row(authorization_codes, without=_SET_BY_USE))


def _issue(_: str) -> Any:
    added = _add(_).returning(_code.code_hash).cte("added")
    event = _given_row(audit_events, "event_")
    return insert(audit_events).from_select([*event], select(*event.values()).select_from(added))


def _redeem(_: str) -> Any:
    wanted = _code.code_hash == bindparam("wanted", type_=_code.code_hash.type)
    now = bindparam("now", type_=_code.expires_at.type)
    usable = (
        select(_code.code_hash)
        .where(wanted, _code.used_at.is_(None), _code.expires_at > now)
        .with_for_update()
        .cte("usable")
    )
    values = _given_row(families, "family_", without=SET_LATER)
    row = select(*values.values(), FAMILY_SHARD.label("status_shard")).select_from(usable)
    founded = (
        postgresql.insert(families)
        .from_select([*values, "status_shard"], row.where(FAMILY_SHARD.is_not(None)))
        .on_conflict_do_nothing(index_elements=[_family.status_shard, _family.status_index])
        .returning(_family.id, _family.status_shard)
        .cte("founded")
    )
    used = (
        update(authorization_codes)
        .where(wanted, exists(select(founded.c.id)))
        .values(used_at=now, family_id=values["id"])
        .returning(_code.code_hash)
        .cte("used")
    )
    event = _given_row(audit_events, "event_")
    recorded = (
        insert(audit_events)
        .from_select([*event], select(*event.values()).select_from(founded))
        .returning(audit_events.c.id)
        .cte("recorded")
    )
    return select(
        select(func.count()).select_from(usable).scalar_subquery().label("usable"),
        select(founded.c.status_shard).scalar_subquery().label("status_shard"),
    ).add_cte(used, recorded)


#: Inserts a code.
ADD = CompiledStatement(_add)
#: Inserts a code and its event.
ISSUE = CompiledStatement(_issue)
#: Uses a code up, founds its family at the given index of the shard that is being filled, and records the event.
#: Answers whether the code could be used, and the shard: NULL when the reference is taken (or no shard is open).
REDEEM = CompiledStatement(_redeem)
