"""A timestamp as an API takes it: a time in RFC 3339 with its offset, told in UTC from then on.

Spec: RFC 3339 s5.6
"""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

# pydantic alone would also read digits as seconds of an epoch, or of another one if they are many
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _rfc_3339(value: Any) -> Any:
    # a datetime comes from YAML or from our own code, never from JSON or a query
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise ValueError("must be a time in RFC 3339")


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # at either end of the calendar some offsets have no UTC
        raise ValueError("must be a time that UTC has") from error


Timestamp = Annotated[
    AwareDatetime, BeforeValidator(_rfc_3339), AfterValidator(_utc), Field(examples=["2030-01-01T12:00:00Z"])
]
