"""Who may call which route of the CRM, how far they reach there, and how a record is answered to them.

Spec: RFC 9110 s8.8.3, s15.4.5
"""

from typing import Annotated, Any

from fastapi import Depends, Response

from services.crm.records import Record
from shared.bearer import Principal, Reach, owner_of_new_records, reach_of, require_scope
from shared.entity_tags import Precondition

READ, WRITE, READ_ALL = "crm:read", "crm:write", "crm:read:all"

Reader = Annotated[Principal, Depends(require_scope(READ, READ_ALL))]
Writer = Annotated[Principal, Depends(require_scope(WRITE))]

#: What the answers with one record say in OpenAPI, and an answer 304.
TAGGED: dict[str, Any] = {
    "headers": {"ETag": {"description": "The record's entity tag, for If-Match.", "schema": {"type": "string"}}}
}
NOT_MODIFIED: dict[str, Any] = {**TAGGED, "description": "The record is still the one that If-None-Match names."}
CREATED: dict[str, Any] = {
    "headers": {
        **TAGGED["headers"],
        "Location": {"description": "The record's address.", "schema": {"type": "string"}},
    }
}
#: PATCH takes a merge patch by its own media type too (RFC 7396).
MERGE_PATCH = "application/merge-patch+json"


def reads(principal: Principal) -> Reach:
    """Return the records that the caller may see."""
    return reach_of(principal, all_records=READ_ALL)


def writes(principal: Principal) -> Reach:
    """Return the records that the caller may change.

    Raises:
        InsufficientScope: a machine client, which changes none.
    """
    owner_of_new_records(principal)
    return reach_of(principal)


def tag(response: Response, record: Record[Any]) -> None:
    """Give the answer its record's entity tag."""
    response.headers["ETag"] = record.entity_tag


def not_modified(record: Record[Any], known: Precondition) -> Response | None:
    """Return a 304 if the caller has this state of the record already."""
    return Response(status_code=304, headers={"ETag": record.entity_tag}) if known.has(record.entity_tag) else None
