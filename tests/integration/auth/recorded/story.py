"""All chapters in their order, and where their answers are kept."""

from pathlib import Path
from typing import Any

from tests.integration.auth.recorded import browsers, clients, documents, grants, signing_out
from tests.integration.auth.recorded.recorder import record
from tests.integration.auth.seeds import HTTPS_ISSUER

ANSWERS = Path(__file__).with_name("answers.json")
CHAPTERS = {**grants.CHAPTERS, **clients.CHAPTERS, **browsers.CHAPTERS, **signing_out.CHAPTERS, **documents.CHAPTERS}

_LIMITS = ("token", "introspect", "par", "authorize")
_SETTINGS: dict[str, dict[str, Any]] = {
    "floods": {f"rate_limit_{kind}": "1/hour" for kind in _LIMITS},
    "behind TLS": {"issuer": HTTPS_ISSUER},
}


def played(data: Path) -> dict[str, Any]:
    """Play everything; `data`: an empty directory."""
    return record(CHAPTERS, data, _SETTINGS)
