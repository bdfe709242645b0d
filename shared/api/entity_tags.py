"""Entity tags of records and the preconditions that name them: a change is made to the record that its caller has seen,
or not at all.

Spec: RFC 9110 s8.8.3, s13.1.1, s13.1.2, s15.4.5
In: `If-Match` and `If-None-Match`: `*`, or entity tags in one or several headers. Out: strong tags, `"..."`.

Never demanded: a change without If-Match is made to the record as it is.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response

from shared.clock import epoch
from shared.errors import PreconditionFailed
from shared.problem_codes import ProblemCode
from shared.problem_details import ProblemError

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"(?:\s*{_TAG}\s*|\s*)(?:,(?:\s*{_TAG}\s*|\s*))*")
_ONE_TAG = re.compile(_TAG)


@dataclass(frozen=True)
class Precondition:
    """What one of the two headers says: any representation at all, or one of `tags`; `sent` is False without it."""

    sent: bool = False
    any: bool = False
    tags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, name: str, lines: list[str]) -> "Precondition":
        """Read the header `name` from all its lines.

        Raises:
            ProblemError: 400, it is neither `*` nor a list of entity tags.
        """
        if not lines:
            return cls()
        value = ",".join(lines).strip()
        if value == "*":
            return cls(sent=True, any=True)
        tags = tuple(_ONE_TAG.findall(value))
        if not tags or _TAGS.fullmatch(value) is None:
            raise ProblemError(400, f"{name} must be * or a list of entity tags.", ProblemCode.INVALID_HEADER)
        return cls(sent=True, tags=tags)

    def demand(self, entity_tag: str) -> None:
        """Return if If-Match holds for a record with this tag. Compares strongly: a weak tag matches nothing.

        Raises:
            PreconditionFailed: it names other tags.
        """
        if self.sent and not self.any and entity_tag not in self.tags:
            raise PreconditionFailed("The record has changed: read it again.")

    def has(self, entity_tag: str) -> bool:
        """Return whether If-None-Match knows this tag. Compares weakly."""
        return self.any or entity_tag in {tag.removeprefix("W/") for tag in self.tags}


def _if_match(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            description="The ETag of the record as the caller knows it (or several, or `*`). "
            "If it has another one by now nothing is changed, and the answer is 412. Optional.",
        ),
    ] = None,
) -> Precondition:
    del if_match  # declared for the OpenAPI document; it holds the last line alone
    return Precondition.parse("If-Match", request.headers.getlist("If-Match"))


def _if_none_match(
    request: Request,
    if_none_match: Annotated[
        str | None,
        Header(
            alias="If-None-Match",
            description="The ETag of the record as the caller knows it: if it is still that one the answer is 304.",
        ),
    ] = None,
) -> Precondition:
    del if_none_match
    return Precondition.parse("If-None-Match", request.headers.getlist("If-None-Match"))


def record_tag(version: int, updated_at: datetime) -> str:
    """Return a record's strong entity tag: another one after every change, also after one that a backup has undone."""
    return f'"{version}-{epoch(updated_at):x}{updated_at.microsecond:05x}"'


def not_modified(entity_tag: str, known: Precondition) -> Response | None:
    """Return a 304 if the caller has this state of the record already."""
    return Response(status_code=304, headers={"ETag": entity_tag}) if known.has(entity_tag) else None


#: What answers with one record say in OpenAPI: a state of it, a 304, a 201.
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

IfMatch = Annotated[Precondition, Depends(_if_match)]
IfNoneMatch = Annotated[Precondition, Depends(_if_none_match)]
