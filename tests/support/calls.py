"""One request to an API in this process, by whoever its token says: the fixture `call` of both APIs' tests."""

import json as jsonlib
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import httpx2
from starlette.testclient import TestClient

from shared.testing import FakeIssuer

Headers = Mapping[str, str | bytes] | Iterable[tuple[str, str | bytes]]


class Call(Protocol):
    """Sends one request; what is not named is a claim of its token (alice's, if nothing is said)."""

    def __call__(
        self, method: str, path: str, *, json: Any = None, headers: Headers = (), **claims: Any
    ) -> httpx2.Response: ...


def calls(client: TestClient, issuer: FakeIssuer) -> Call:
    """Return the way to call that API. `headers` that name one of ours replace it; as pairs they come beside it."""

    def send(method: str, path: str, *, json: Any = None, headers: Headers = (), **claims: Any) -> httpx2.Response:
        sent = {"Authorization": f"Bearer {issuer.access_token(**claims)}", "Content-Type": "application/json"}
        content = jsonlib.dumps(json) if method in {"POST", "PATCH"} else None
        if isinstance(headers, Mapping):
            named: dict[str, Any] = {**sent, **headers}
            return client.request(method, path, content=content, headers=named)
        pairs: list[tuple[str, Any]] = [*sent.items(), *headers]
        return client.request(method, path, content=content, headers=pairs)

    return send
