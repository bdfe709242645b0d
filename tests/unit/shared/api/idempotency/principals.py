"""Principals as an API has verified them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.bearer import Principal
from shared.testing import ALICE

_NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
_ALICE = Principal(
    issuer="http://localhost:9000",
    subject=ALICE,
    client_id="mobile-app",
    token_id="0190a1b0-0000-7000-8000-00000000001d",
    scopes=frozenset({"orders:write"}),
    issued_at=_NOON,
    expires_at=_NOON + timedelta(minutes=5),
)


def principal(**changed: Any) -> Principal:
    return replace(_ALICE, **changed)
