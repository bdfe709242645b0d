"""Companies: what its owner says of an organisation that contacts belong to."""

from dataclasses import dataclass

from services.crm.records import Record


@dataclass(frozen=True, slots=True)
class CompanyDetails:
    """An organisation."""

    name: str
    domain: str | None = None
    phone: str | None = None


Company = Record[CompanyDetails]
