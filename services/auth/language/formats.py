"""Dates, times and waits as people of each language write them.

Spec: Unicode CLDR, by Babel, which is imported when the first text needs it
"""

from datetime import datetime

from services.auth.language import language


def wait_in_words(seconds: int) -> str:
    """Return a wait in whole seconds below a minute, above in whole minutes, rounded up: "30 seconds"."""
    from babel.units import format_unit  # noqa: PLC0415 - see above

    if seconds < 60:
        return format_unit(seconds, "duration-second", "long", locale=language())
    return format_unit(-(-seconds // 60), "duration-minute", "long", locale=language())


def moment_in_words(at: datetime) -> str:
    """Return a date and a time of day, with its zone: "November 29, 2026, 1:32:05 PM UTC"."""
    from babel.dates import format_datetime  # noqa: PLC0415 - see above

    return format_datetime(at, "long", locale=language())
