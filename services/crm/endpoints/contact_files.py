"""/api/contacts/import and /api/contacts/export: contacts as CSV.

In: CSV, at most 20 MB and 50,000 rows. Out: ImportReport; a stream of `text/csv`.
Spec: RFC 4180; Policy: ADR-0018, ADR-0047, ADR-0048

An import is done wholly or not at all: every row is looked at before one is written, and all are written in one
transaction (on SQLite in batches, since nobody else could do anything meanwhile). Whoever gets a 422 corrects the rows
that it names and sends the whole file again, and no row comes twice.
Both routes fail closed: they move too much at once to trust old word of revocations.
"""

import asyncio
import logging
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse

from services.crm.contact_csv import CsvRow, csv_line, header_line, read_rows
from services.crm.contacts import Contact, ContactDetails
from services.crm.csv_form import CHARSETS
from services.crm.endpoints.access import Reader, Writer, reads
from services.crm.endpoints.contact_import import ContactImport, ImportedContacts, ImportReport, batches
from services.crm.endpoints.contacts import ContactFilter
from services.crm.endpoints.incoming_files import IncomingFiles
from services.crm.records import Listing, Names, RecordStore, require_known
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.pagination import Cursor, Page
from shared.api.reach import Reach, owner_of_new_records, writes
from shared.api.route import ApiRoute
from shared.bearer import fail_closed
from shared.clock import Clock

_log = logging.getLogger("files")

#: Seconds between two batches where they keep others waiting.
_BREATH = 0.005
#: Contacts that an export reads at once.
_EXPORT_BATCH = 1000

#: What a browser calls a CSV file, also on a machine with Excel.
_MEDIA_TYPES = {"text/csv", "application/csv", "application/vnd.ms-excel", "text/tab-separated-values"}
_TEXT_CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}
_FILE_IN: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The first line names the columns: `name` (also `Full Name`, or `First Name` and `Last Name`), "
        "and any of `id`, `email`, `phone`, `company_id`. A row whose `id` is that of a contact within the caller's "
        "reach changes that contact (an empty cell removes the member, a deleted one is restored); others add one. "
        "Times and owners are ignored. Separated by `,`, `;` or tab; UTF-8, UTF-16 or Windows-1252.",
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


class FileStore(RecordStore[ContactDetails], ImportedContacts, Protocol):
    """Where contacts are read for a file, and written from one."""


def contact_files_router(contacts: FileStore, companies: Names, idempotency: Idempotency, clock: Clock) -> APIRouter:
    """Return the routes, on those stores; they go before those of one contact, whose id would match their names."""
    router = APIRouter(prefix="/api/contacts", route_class=ApiRoute, tags=["contacts"])
    incoming = IncomingFiles()

    @router.post(
        "/import",
        operation_id="importContacts",
        summary="Import contacts from CSV",
        response_model=ImportReport,
        dependencies=[Depends(fail_closed)],
        openapi_extra=_FILE_IN,
    )
    async def import_contacts(principal: Writer, attempt: Attempt, request: Request) -> Response:
        """Add and change the contacts of a file, all or none. A 422 lists the rows that do not fit, at most 100."""
        codec = _codec(request.headers.get("Content-Type", ""))
        owner = owner_of_new_records(principal)
        job = ContactImport(contacts, companies, owner, writes(principal), Actor.of(principal), clock.now())
        async with incoming.file(request, owner.subject) as file:
            attempt.received(file.digest)
            rows = partial(read_rows, file.content, codec)

            async def before() -> None:
                await run_in_threadpool(lambda: job.check(rows()))
                if contacts.piecemeal:
                    await _write_piecemeal(job, rows())

            def work() -> Answer:
                if not contacts.piecemeal:
                    for batch in batches(rows()):
                        job.write(batch)
                return Answer.of(job.report)

            async with incoming.turn():
                answer = await idempotency.answer(attempt, principal, work, before=before)
        _log.info("contacts imported", extra={"fields": job.report.model_dump()})
        return answer

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

        lines = _logged(_lines(await run_in_threadpool(first), reach, listing, contacts))
        headers = {"Content-Disposition": 'attachment; filename="contacts.csv"'}
        return StreamingResponse(lines, media_type="text/csv; charset=utf-8; header=present", headers=headers)

    return router


def _codec(content_type: str) -> str | None:
    """Return the codec that the media type says, None if it says none. Split and compared: a pattern of repeated blanks
    can take for ever.

    Raises:
        HTTPException: 415, it is not CSV, or in a charset that is not known.
    """
    media_type, *parameters = (part.strip(" \t").lower() for part in content_type.split(";"))
    said = {name.strip(): value.strip(' "') for name, _, value in (part.partition("=") for part in parameters if part)}
    charset = said.pop("charset", "")
    known = not charset or charset in CHARSETS
    if media_type not in _MEDIA_TYPES or not known or said not in ({}, {"header": "present"}):
        raise HTTPException(415, "The body must be text/csv, in UTF-8, UTF-16 or Windows-1252.")
    return CHARSETS.get(charset)


async def _write_piecemeal(job: ContactImport, rows: Iterator[CsvRow]) -> None:
    """Write a batch at a time, each in a transaction and a thread hop of its own, and let others in between."""
    parts = batches(rows)
    while batch := await run_in_threadpool(next, parts, None):
        await run_in_threadpool(job.write, batch)
        await asyncio.sleep(_BREATH)


def _logged(lines: Iterator[str]) -> Iterator[str]:
    """Yield the file, and log how much of it went out: also of one that its caller does not read to the end."""
    contacts = -1  # the header is not a contact
    try:
        for batch in lines:
            yield batch
            contacts += batch.count("\r\n")
    finally:
        _log.info("contacts exported", extra={"fields": {"contacts": max(contacts, 0)}})


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
