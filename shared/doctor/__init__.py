"""Doctor: looks at a service from inside and from outside, and gives one verdict a check, with a remedy.

    def checks_of(settings: CrmSettings, web: Web) -> Sequence[Check]: ...
    sys.exit(run("crm", CrmSettings, checks_of))

Each check stands alone: it opens what it needs, all run at once, and one that raises or hangs is its own failure.
Changes nothing; prints no secret, no password of a URL, and no control character of somebody's answer.

In: settings, database, network. Out: the report on standard output; exit code 1 when a check failed, else 0.
"""

import logging
import sys
from collections.abc import Callable, Sequence

from shared.doctor.database import database_checks, opened
from shared.doctor.report import Check, Failed, Finding, Verdict, examine, ok, render, warning
from shared.doctor.web import Answer, Web, clock_check, discovery_url, issuer_check
from shared.misnamed_settings import misnamed_settings
from shared.settings import Settings, load_settings

__all__ = [
    "Answer",
    "Check",
    "Failed",
    "Finding",
    "Web",
    "clock_check",
    "database_checks",
    "discovery_url",
    "issuer_check",
    "ok",
    "opened",
    "run",
    "warning",
]


def run(service: str, settings_class: type[Settings], checks_of: Callable[[Settings, Web], Sequence[Check]]) -> int:
    """Load the settings, look, print, and return the exit code."""
    loaded: list[Settings] = []

    def load() -> Finding:
        loaded.append(load_settings(settings_class))
        if misnamed := misnamed_settings(settings_class):
            return warning("; ".join(misnamed), "rename or remove it: nothing reads it")
        return ok(f"complete, ENVIRONMENT={loaded[0].environment}")

    remedy = "correct it: .env.example says what each setting means. Nothing else was looked at"
    logging.disable(logging.CRITICAL)  # the report says it all, once
    try:
        report = [("settings", Check("settings", load, remedy).finding())]
        for settings in loaded:
            report += examine(checks_of(settings, Web()))
    finally:
        logging.disable(logging.NOTSET)
    print("\n".join(render(service, report, colour=sys.stdout.isatty())))  # noqa: T201 - the report is the product
    return int(any(finding.verdict is Verdict.FAIL for _, finding in report))
