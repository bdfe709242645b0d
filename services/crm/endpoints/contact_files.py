"""/api/contacts/import and /api/contacts/export: contacts as CSV.

In: `text/csv` in UTF-8, at most 20 MB and 50,000 rows. Out: ImportReport; a stream of `text/csv`.
Spec: RFC 4180; Policy: ADR-0018

An import is done wholly or not at all: every row is looked at before one is written, and all are written in one
transaction. Whoever gets a 422 corrects the rows that it names and sends the whole file again, and no row comes twice.
Both routes fail closed: they move too much at once to trust old word of revocations.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from services.crm.contact_csv import csv_line, header_line, read_rows
from services.crm.contacts import Contact, ContactDetails
from services.crm.endpoints.access import Reader, Writer, reads
from services.crm.endpoints.contacts import ContactFilter, ContactIn
from services.crm.records import Listing, Names, RecordStore, new_record, require_known
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.pagination import Cursor, Page
from shared.api.reach import Owner, Reach, owner_of_new_records, writes
from shared.api.route import ApiRoute
from shared.asgi import allow_body
from shared.bearer import fail_closed
from shared.clock import Clock
from shared.errors import InvalidInput, Unavailable
from shared.problem_codes import ProblemCode

#: Bytes of the largest file.
LARGEST_FILE = 20 * 1024 * 1024
#: Files that one process holds at a time, and seconds that one may take to arrive.
FILES_AT_ONCE = 4
_ARRIVAL = 120
#: Contacts that an export reads at once.
_EXPORT_BATCH = 1000

#: What may be said of the media type; RFC 9110 s5.6.6 lets a parameter be empty.
_CSV_PARAMETERS = {"", "header=present", "charset=utf-8", 'charset="utf-8"'}
_TEXT_CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}
_FILE_IN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The first line names the columns: `name`, and any of `email`, `phone`, `company_id`. Those of "
        "an export that are not the caller's to say are ignored.",
        "content": {
            "text/csv": {"schema": {"type": "string"}, "example": "name,email\r\nMad Hatter,hatter@tea.example\r\n"}
        },
    }
}
_FILE_OUT: dict[str, Any] = {
    "description": "The contacts, one a line.",
    "content": _TEXT_CSV,
    "headers": {"Content-Disposition": {"description": "A file name.", "schema": {"type": "string"}}},
}


class ImportReport(BaseModel):
    """What became of a file."""

    imported: int = Field(description="Contacts that were added: one for each row.", examples=[120])


def contact_files_router(
    contacts: RecordStore[ContactDetails], companies: Names, idempotency: Idempotency, clock: Clock
) -> APIRouter:
    """Return the routes, on those stores; they go before those of one contact, whose id would match their names."""
    router = APIRouter(prefix="/api/contacts", route_class=ApiRoute, tags=["contacts"])
    incoming = _Incoming()

    @router.post(
        "/import",
        operation_id="importContacts",
        summary="Import contacts from CSV",
        response_model=ImportReport,
        dependencies=[Depends(fail_closed)],
        openapi_extra=_FILE_IN,
    )
    async def import_contacts(principal: Writer, attempt: Attempt, request: Request) -> Response:
        """Add the contacts of a file, all or none. A 422 lists the rows that do not fit, a hundred at most."""
        owner, reach, actor = owner_of_new_records(principal), writes(principal), Actor.of(principal)
        if not _is_csv(request.headers.get("Content-Type", "")):
            raise HTTPException(415, "The body must be text/csv in UTF-8.")
        async with incoming.file(request, owner.subject) as file:

            def work() -> Answer:
                return Answer.of(_import(file, owner, reach, actor, contacts, companies, clock.now()))

            return await idempotency.answer(attempt, principal, work)

    @router.get(
        "/export",
        operation_id="exportContacts",
        summary="Export contacts as CSV",
        dependencies=[Depends(fail_closed)],
        response_class=StreamingResponse,
        responses={200: _FILE_OUT},
    )
    async def export_contacts(principal: Reader, query: Annotated[ContactFilter, Query()]) -> Response:
        """Stream every contact of the list that the same query gives."""
        listing, reach = query.listing(), reads(principal)

        def first() -> Page[Contact]:
            require_known(query.company_id, reach, companies, "query", "company_id")
            return contacts.page(reach, listing, _EXPORT_BATCH, None)

        lines = _lines(await run_in_threadpool(first), reach, listing, contacts)
        headers = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8; header=present", headers=headers)

    return router


class _Incoming:
    """Receives files, a few at a time and one of each sender: each is held in memory."""

    def __init__(self) -> None:
        self._senders: set[str] = set()

    @asynccontextmanager
    async def file(self, request: Request, sender: str) -> AsyncIterator[bytes]:
        """Yield the request's body, up to LARGEST_FILE.

        Raises:
            Unavailable: too many files are on their way, or another one of this sender.
            HTTPException: 408, it does not arrive.
        """
        if len(self._senders) >= FILES_AT_ONCE or sender in self._senders:
            raise Unavailable("Too many imports at once.", timedelta(seconds=10), ProblemCode.TOO_MANY_IMPORTS)
        self._senders.add(sender)
        try:
            yield await _arrived(request)
        finally:
            self._senders.remove(sender)


async def _arrived(request: Request) -> bytes:
    allow_body(request.scope, LARGEST_FILE)
    try:
        async with asyncio.timeout(_ARRIVAL):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(408, "The file took too long to arrive.", {"Connection": "close"}) from error


def _is_csv(content_type: str) -> bool:
    """Return whether that is CSV in UTF-8. Split and compared: a pattern of repeated blanks can take for ever."""
    media_type, *parameters = (part.strip(" \t").lower() for part in content_type.split(";"))
    return media_type == "text/csv" and _CSV_PARAMETERS.issuperset(parameters)


def _import(
    file: bytes,
    owner: Owner,
    reach: Reach,
    actor: Actor,
    contacts: RecordStore[ContactDetails],
    companies: Names,
    now: datetime,
) -> ImportReport:
    faults: list[tuple[tuple[str, ...], str]] = []
    good: dict[int, ContactIn] = {}
    for row in read_rows(file):
        if row.fault is not None:
            faults.append((("body", str(row.number)), row.fault))
            continue
        try:
            good[row.number] = ContactIn.model_validate(row.members)
        except ValidationError as error:
            faults += [(("body", str(row.number), *map(str, item["loc"])), item["msg"]) for item in error.errors()]
    named = {said.company_id for said in good.values() if said.company_id is not None}
    unknown = named - companies.known(named, reach)
    faults += [
        (("body", str(number), "company_id"), "no such record")
        for number, said in good.items()
        if said.company_id in unknown
    ]
    if faults:
        (where, message), *more = sorted(faults, key=lambda fault: int(fault[0][1]))
        raise InvalidInput(message, *where, more=more)
    contacts.add(*(new_record(said.details(), owner, now) for said in good.values()), by=actor)
    return ImportReport(imported=len(good))


def _lines(page: Page[Contact], reach: Reach, listing: Listing, contacts: RecordStore[ContactDetails]) -> Iterator[str]:
    """Yield the file a batch at a time; no connection is held while the caller reads."""
    yield header_line()
    while True:
        yield "".join(map(csv_line, page.items))
        if page.next_cursor is None:
            return
        kind = str if listing.sort == "name" else datetime
        after = Cursor.decode(page.next_cursor, listing.identity("contacts", reach), kind)
        page = contacts.page(reach, listing, _EXPORT_BATCH, after)
