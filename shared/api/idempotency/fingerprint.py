"""What makes two requests the same one: who sent which key where, and what they asked.

Spec: draft-ietf-httpapi-idempotency-key-header-07 s2.4 (fingerprint); Policy: ADR-0013
"""

import hashlib
import json
from dataclasses import dataclass

from shared.bearer import Principal

#: Bytes of the longest body that is read as JSON: that of a record. A file is compared as it is, which takes no time.
LONGEST_JSON = 65_536


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that carries a key, by two digests; neither the key nor the body is kept.

    `id` is the key within its caller (issuer, subject, client), method and route: another caller's is another one.
    `fingerprint` is of all that was asked.
    """

    id: bytes
    fingerprint: bytes

    @classmethod
    def of(
        cls,
        principal: Principal,
        key: str,
        *,
        method: str,
        route: str,
        target: str,
        body: bytes,
        digest: str | None = None,
    ) -> "Sent":
        """Return the request; `route` is the template that `target` (path and query) fits.

        `digest` stands for a body that was read elsewhere.
        """
        caller = (principal.issuer, principal.subject, principal.client_id)
        return cls(
            _digest([*caller, method, route, key]),
            _digest([target, canonical(body) if digest is None else f"raw {digest}"]),
        )


def canonical(body: bytes) -> str:
    """Return JSON in one spelling (no white space, members in order); what is none, or a file, is left as it is."""
    if len(body) > LONGEST_JSON:
        return _raw(body)
    try:
        return "json " + json.dumps(json.loads(body), separators=(",", ":"), sort_keys=True)
    except (ValueError, RecursionError):
        return _raw(body)


def _raw(body: bytes) -> str:
    return "raw " + hashlib.sha256(body).hexdigest()


def _digest(parts: list[str]) -> bytes:
    # as a JSON list: no part can run over into the next
    return hashlib.sha256(json.dumps(parts).encode()).digest()
