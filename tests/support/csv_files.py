"""Contacts as files, sent to and fetched from the CRM in this process: the fixture `files` of its tests."""

import csv
import io
from typing import Any

import httpx2
from starlette.testclient import TestClient

from shared.testing import FakeIssuer


class Files:
    """Sends and fetches files as somebody."""

    def __init__(self, client: TestClient, issuer: FakeIssuer) -> None:
        self._client = client
        self._issuer = issuer

    def send(
        self, file: str | bytes, media_type: str = "text/csv", key: str | None = None, **claims: Any
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self._issuer.access_token(**claims)}", "Content-Type": media_type}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._client.post("/api/contacts/import", content=file, headers=headers)

    def fetch(self, query: str = "", **claims: Any) -> tuple[httpx2.Response, list[list[str]]]:
        headers = {"Authorization": f"Bearer {self._issuer.access_token(**claims)}"}
        answer = self._client.get(f"/api/contacts/export{query}", headers=headers)
        return answer, list(csv.reader(io.StringIO(answer.text, newline="")))
