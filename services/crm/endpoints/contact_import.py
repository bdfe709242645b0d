"""What the rows of a file do to the contacts: each adds one, or changes the one that its `id` names.

Policy: ADR-0018, ADR-0047

Rows are looked at in batches, so that what is held does not grow with the file: once to find every fault, before any
transaction, and again to write. An `id` that is not within the caller's reach is ignored, as is one that never was.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any, Protocol
from uuid import UUID

from pydantic import BaseModel, ValidationError

from services.crm.contact_csv import CsvRow
from services.crm.contacts import Contact
from services.crm.endpoints.contacts import ContactIn, ContactPatch
from services.crm.records import Names, new_record
from shared.api.history import Actor
from shared.api.reach import Owner, Reach
from shared.errors import Conflict, InvalidInput
from shared.problem_codes import ProblemCode

#: Rows that are looked at, and written, at once.
BATCH = 100

Fault = tuple[tuple[str, ...], str]


class ImportedContacts(Protocol):
    """Where contacts of files are kept."""

    @property
    def piecemeal(self) -> bool:
        """Whether one long transaction keeps everybody else waiting: then each batch is one of its own."""

    def together(self) -> AbstractContextManager[Any]:
        """Make one transaction of all that is done inside."""

    def held(self, ids: Iterable[UUID], reach: Reach, *, keep: bool = False) -> dict[UUID, Contact]:
        """Return those within reach, deleted or not; `keep`: as they are until the transaction ends."""

    def add(self, *records: Contact, by: Actor) -> None:
        """Keep new contacts."""

    def save(self, changes: Iterable[tuple[Contact, Contact]], by: Actor) -> None:
        """Keep what contacts that are held have become."""


class ImportReport(BaseModel):
    """What became of the rows of a file."""

    imported: int = 0
    updated: int = 0
    unchanged: int = 0


@dataclass
class ContactImport:
    """One file's rows, on behalf of one caller."""

    contacts: ImportedContacts
    companies: Names
    owner: Owner
    reach: Reach
    actor: Actor
    now: datetime
    report: ImportReport = field(default_factory=ImportReport)

    def check(self, rows: Iterable[CsvRow]) -> None:
        """Return if every row fits.

        Raises:
            InvalidInput: those that do not, each by its number; or the file has no form.
        """
        faults: list[Fault] = []
        seen: set[UUID] = set()
        for batch in batches(rows):
            plan = self._plan(batch, keep=False)
            faults += plan.faults
            for number, before in plan.named:
                if before in seen:
                    faults.append((("body", str(number), "id"), "is in the file twice"))
                seen.add(before)
        if faults:
            (where, message), *more = sorted(faults, key=lambda fault: int(fault[0][1]))
            raise InvalidInput(message, *where, more=more)

    def write(self, batch: list[CsvRow]) -> None:
        """Write rows that were found to fit, in one transaction.

        Raises:
            Conflict: one does not fit any more.
        """
        with self.contacts.together():
            plan = self._plan(batch, keep=True)
            if plan.faults:
                raise Conflict(
                    "A record of the file was changed meanwhile: send it again.", ProblemCode.CHANGED_MEANWHILE
                )
            changed = [(before, after) for before, after in plan.changes if after != before]
            if plan.added:
                self.contacts.add(*plan.added, by=self.actor)
            self.contacts.save(changed, self.actor)
        self.report.imported += len(plan.added)
        self.report.updated += len(changed)
        self.report.unchanged += len(plan.changes) - len(changed)

    def _plan(self, batch: list[CsvRow], *, keep: bool) -> "_Plan":
        plan = _Plan()
        ids = {row.number: found for row in batch if (found := _uuid(row.id)) is not None}
        held = self.contacts.held(set(ids.values()), self.reach, keep=False)
        references: list[tuple[int, UUID, Owner]] = []
        for row in batch:
            before = held.get(ids[row.number]) if row.number in ids else None
            self._plan_row(row, before, plan, references)
        self._require_known(references, plan, keep=keep)
        if keep:  # companies first, then contacts: the order of every other change
            locked = self.contacts.held([before.id for before, _ in plan.changes], self.reach, keep=True)
            if any(locked.get(before.id) != before for before, _ in plan.changes):
                plan.faults.append((("body", "1"), "changed meanwhile"))
        return plan

    def _plan_row(
        self, row: CsvRow, before: Contact | None, plan: "_Plan", references: list[tuple[int, UUID, Owner]]
    ) -> None:
        if row.fault is not None:
            plan.faults.append((("body", str(row.number)), row.fault))
            return
        try:
            if before is None:
                after = new_record(ContactIn.model_validate(row.members).details(), self.owner, self.now)
                plan.added.append(after)
            else:
                after = self._changed(before, row)
                plan.changes.append((before, after))
                plan.named.append((row.number, before.id))
        except ValidationError as error:
            plan.faults += [(("body", str(row.number), *map(str, item["loc"])), item["msg"]) for item in error.errors()]
        except InvalidInput as error:
            plan.faults += [(("body", str(row.number), where[-1]), message) for where, message in error.errors]
        else:
            company = after.details.company_id
            if company is not None and (before is None or company != before.details.company_id):
                references.append((row.number, company, after.owner))

    def _changed(self, before: Contact, row: CsvRow) -> Contact:
        said = ContactPatch.model_validate({**row.members, **dict.fromkeys(row.empty)})
        details = replace(before.details, **said.changes(before.details))
        if details == before.details and before.deleted_at is None:
            return before
        after = replace(before, details=details, updated_at=self.now, version=before.version + 1)
        return replace(after, deleted_at=None, deleted_by=None)

    def _require_known(self, references: list[tuple[int, UUID, Owner]], plan: "_Plan", *, keep: bool) -> None:
        known = self.companies.known({company for _, company, _ in references}, self.reach, keep=keep)
        allowed = {self.owner.subject: known}
        for owner in {owner.subject for _, _, owner in references} - {self.owner.subject}:
            allowed[owner] = known & self.companies.known(known, Reach(subject=owner))
        unknown = [number for number, company, owner in references if company not in allowed[owner.subject]]
        plan.faults += [(("body", str(number), "company_id"), "no such record") for number in unknown]


@dataclass
class _Plan:
    """What a batch of rows comes to."""

    added: list[Contact] = field(default_factory=list)
    changes: list[tuple[Contact, Contact]] = field(default_factory=list)
    named: list[tuple[int, UUID]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def batches(rows: Iterable[CsvRow]) -> Iterator[list[CsvRow]]:
    """Yield the rows, some at a time."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
