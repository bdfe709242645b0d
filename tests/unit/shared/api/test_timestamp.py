"""What an API takes for a moment, and what it refuses."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from shared.api.timestamp import Timestamp

MOMENT: TypeAdapter[datetime] = TypeAdapter(Timestamp)


@pytest.mark.parametrize(
    "given",
    [
        "2030-01-01T12:00:00Z",
        "2030-01-01t13:00:00+01:00",
        "2030-01-01T12:00:00.000000z",
        datetime(2030, 1, 1, 12, tzinfo=UTC),
    ],
)
def test_a_time_with_its_offset_is_told_in_utc(given: Any) -> None:
    assert MOMENT.validate_python(given) == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert MOMENT.validate_python(given).tzinfo is UTC


@pytest.mark.parametrize(
    "given",
    [
        1893499200,
        "1893499200",
        "2030-01-01",
        "2030-01-01 12:00:00Z",
        "2030-01-01T12:00:00",
        "2030-01-01T12:00Z",
        "2030-13-01T12:00:00Z",
        "\uff12030-01-01T12:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        datetime(2030, 1, 1, 12),  # noqa: DTZ001 - without a zone on purpose
        None,
        True,
    ],
)
def test_anything_else_is_refused(given: Any) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(given)
