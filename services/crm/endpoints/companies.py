"""/api/companies.

In: JSON as CompanyIn and CompanyPatch; CompanyQuery for lists. Out: JSON as CompanyOut and CompanyPage, times in UTC.

Spec: RFC 7396, RFC 9110 s13.1.1
"""

from dataclasses import replace
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from services.crm.companies import Company, CompanyDetails
from services.crm.endpoints.access import Reader, Writer, reads
from services.crm.endpoints.fields import (
    Domain,
    FilterQuery,
    ListQuery,
    Name,
    NameBegins,
    Patch,
    Phone,
    RecordOut,
    Tombstone,
    Visible,
    told,
)
from services.crm.endpoints.history import add_history
from services.crm.endpoints.owner import add_reassigning
from services.crm.records import ChangeRequest, Links, RecordStore, get_record, new_record
from shared.api.entity_tags import CREATED, NOT_MODIFIED, TAGGED, IfMatch, IfNoneMatch, not_modified
from shared.api.history import Actor
from shared.api.idempotency import Answer, Attempt, Idempotency
from shared.api.new_owner import People
from shared.api.reach import owner_of_new_records, writes
from shared.api.route import ApiRoute
from shared.clock import Clock


class CompanyIn(BaseModel):
    """What a caller may say of a company; owner and times are not theirs to say."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Name, Visible]
    domain: Domain | None = None
    phone: Annotated[Phone, Visible] | None = None

    def details(self) -> CompanyDetails:
        """Return it as the domain has it."""
        return CompanyDetails(self.name, self.domain, self.phone)


class CompanyPatch(Patch):
    """A change of a company (RFC 7396): members that are sent are set, `null` removes one, the others stay."""

    name: Name = Field(default_factory=str)
    domain: Domain | None = None
    phone: Phone | None = None


class CompanyOut(RecordOut):
    """A company as it is answered."""

    id: UUID
    name: str = Field(examples=["Tea & Sons"])
    domain: str | None = Field(examples=["tea.example"])
    phone: str | None = Field(examples=["+44 20 7946 0001"])

    @classmethod
    def of(cls, company: Company) -> "CompanyOut":
        """Return the company without what is ours alone."""
        details = company.details
        return cls(
            id=company.id,
            name=details.name,
            domain=details.domain,
            phone=details.phone,
            created_at=company.created_at,
            updated_at=company.updated_at,
            deleted_at=company.deleted_at,
            deleted_by=company.deleted_by,
        )


class CompanyPage(BaseModel):
    """One page of companies, and the cursor of the next (`null`: this is the last)."""

    items: list[CompanyOut | Tombstone]
    next_cursor: str | None


class CompanyFilter(FilterQuery):
    """Which companies, in which order."""

    sort: Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"] = Field(
        default="-created_at", description="`-` turns the order round: newest first is the default."
    )
    name: NameBegins | None = Field(default=None, description="How the name begins, in either case.")


class CompanyQuery(CompanyFilter, ListQuery):
    """The query of a list of companies."""


def companies_router(
    companies: RecordStore[CompanyDetails], contacts: Links, people: People, idempotency: Idempotency, clock: Clock
) -> APIRouter:
    """Return the routes, on that store; `contacts` is what belongs to companies."""
    router = APIRouter(prefix="/api/companies", route_class=ApiRoute, tags=["companies"])

    @router.get("", operation_id="listCompanies", summary="List companies")
    async def list_companies(principal: Reader, query: Annotated[CompanyQuery, Query()]) -> CompanyPage:
        """List the companies within the caller's reach, newest first if nothing else is asked for."""
        listing, reach = query.listing(), reads(principal)
        after = query.after(listing, "companies", reach)

        def work() -> CompanyPage:
            page = companies.page(reach, listing, query.limit, after)
            return CompanyPage(items=told(page, listing, CompanyOut.of), next_cursor=page.next_cursor)

        return await run_in_threadpool(work)

    @router.post(
        "",
        operation_id="createCompany",
        summary="Add a company",
        status_code=201,
        response_model=CompanyOut,
        responses={201: CREATED},
    )
    async def post_company(principal: Writer, attempt: Attempt, body: CompanyIn) -> Response:
        """Add a company that the caller owns."""
        owner, actor = owner_of_new_records(principal), Actor.of(principal)

        def work() -> Answer:
            company = new_record(body.details(), owner, clock.now())
            companies.add(company, by=actor)
            return _answer(company, 201, Location=f"{router.prefix}/{company.id}")

        return await idempotency.answer(attempt, principal, work)

    @router.get(
        "/{company_id}",
        operation_id="getCompany",
        summary="Read a company",
        response_model=CompanyOut,
        responses={200: TAGGED, 304: NOT_MODIFIED},
    )
    async def get_one_company(
        principal: Reader, company_id: UUID, known: IfNoneMatch, response: Response
    ) -> CompanyOut | Response:
        """Return one company within the caller's reach."""
        company = await run_in_threadpool(get_record, company_id, reads(principal), companies)
        response.headers["ETag"] = company.entity_tag
        return not_modified(company.entity_tag, known) or CompanyOut.of(company)

    @router.patch("/{company_id}", operation_id="updateCompany", summary="Change a company", responses={200: TAGGED})
    async def patch_company(
        principal: Writer, company_id: UUID, body: CompanyPatch, if_match: IfMatch, response: Response
    ) -> CompanyOut:
        """Change what is sent of one company within the caller's reach (RFC 7396); the other members stay."""
        change = ChangeRequest(company_id, writes(principal), Actor.of(principal), if_match, clock.now())

        def work() -> Company:
            return change.edit(companies, lambda details: replace(details, **body.changes(details)))

        company = await run_in_threadpool(work)
        response.headers["ETag"] = company.entity_tag
        return CompanyOut.of(company)

    @router.delete("/{company_id}", operation_id="deleteCompany", summary="Delete a company", status_code=204)
    async def delete_company(principal: Writer, company_id: UUID, if_match: IfMatch) -> None:
        """Delete one company within the caller's reach, until it is restored. Contacts lose it, and for good."""
        change = ChangeRequest(company_id, writes(principal), Actor.of(principal), if_match, clock.now())
        await run_in_threadpool(change.delete, companies, contacts)

    @router.post(
        "/{company_id}/restore",
        operation_id="restoreCompany",
        summary="Restore a company",
        response_model=CompanyOut,
        responses={200: TAGGED},
    )
    async def restore_company(principal: Writer, attempt: Attempt, company_id: UUID, if_match: IfMatch) -> Response:
        """Bring a deleted company back; one that is there stays as it is."""
        change = ChangeRequest(company_id, writes(principal), Actor.of(principal), if_match, clock.now())

        return await idempotency.answer(
            attempt,
            principal,
            lambda: _answer(change.restore(companies)),
            authorize=lambda: change.authorize(companies),
        )

    add_history(router, companies, "company")
    add_reassigning(router, companies, (CompanyOut, CompanyOut.of), people, idempotency, clock)
    return router


def _answer(company: Company, status: int = 200, **headers: str) -> Answer:
    return Answer.of(CompanyOut.of(company), status, ETag=company.entity_tag, **headers)
