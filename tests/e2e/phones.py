"""Phones whose apps use a running stack, and the few requests that a test makes by hand."""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from mobile.authorization import Registration
from mobile.simulator import App, Person, Phone
from mobile.store import FileStore
from mobile.tokens import Tokens
from shared.clock import Clock
from tests.support.stack import Stack

SUBJECTS = {
    "alice": "0190a1b0-0000-7000-8000-000000000a11",
    "bob": "0190a1b0-0000-7000-8000-000000000b0b",
    "carol": "0190a1b0-0000-7000-8000-000000000ca0",
}


class StackClock(Clock):
    """The time of a stack's processes: phones and authenticators live in it too."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack

    def now(self) -> datetime:
        return self._stack.now()


@dataclass
class Phones:
    """Makes phones, each with a browser that has never been here, and closes them."""

    stack: Stack
    directory: Path
    _made: list[Phone] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        return StackClock(self.stack)

    def phone(self, redirect_uri: str = "myapp://callback") -> Phone:
        registration = Registration(self.stack.auth, redirect_uri=redirect_uri)
        self._made.append(Phone(registration, self.directory / f"phone-{len(self._made)}", self.clock))
        return self._made[-1]

    def app(
        self,
        transport: httpx2.BaseTransport | None = None,
        *,
        redirect_uri: str = "myapp://callback",
        store_class: type[FileStore] = FileStore,
    ) -> App:
        """Return the one app on a new phone; nobody is signed in."""
        return self.phone(redirect_uri).install("app", transport, store_class=store_class)

    def signed_in(self, person: Person, transport: httpx2.BaseTransport | None = None) -> App:
        """Return the one app on a new phone, `person` signed in."""
        app = self.app(transport)
        self.await_new_code(person)
        app.sign_in(person)
        return app

    def await_new_code(self, person: Person) -> None:
        """Move the clock on until the authenticator shows a code that nobody has used: each is good once."""
        if person.totp_secret is not None:
            self.stack.advance(30)

    def close(self) -> None:
        for phone in self._made:
            phone.close()


def tokens_of(app: App) -> Tokens:
    tokens = app.client.tokens()
    assert tokens is not None, "nobody is signed in"
    return tokens


def refresh_token_of(app: App) -> str:
    refresh_token = tokens_of(app).refresh_token
    assert refresh_token is not None
    return refresh_token


@dataclass(frozen=True)
class Wire:
    """Requests by hand to one stack: no app, no store, no second try."""

    stack: Stack
    http: httpx2.Client

    def contacts(self, access_token: str | None) -> httpx2.Response:
        return self.get(f"{self.stack.crm}/api/contacts", access_token)

    def orders(self, access_token: str | None) -> httpx2.Response:
        return self.get(f"{self.stack.orders}/api/orders", access_token)

    def userinfo(self, access_token: str | None) -> httpx2.Response:
        return self.get(f"{self.stack.auth}/userinfo", access_token)

    def get(self, url: str, access_token: str | None) -> httpx2.Response:
        headers = {} if access_token is None else {"Authorization": f"Bearer {access_token}"}
        return self.http.get(url, headers=headers)

    def refresh(self, refresh_token: str, *, auth: str | None = None, **form: str) -> httpx2.Response:
        """Refresh as `mobile-app`, at another process of the provider if `auth` names one."""
        body = {
            "grant_type": "refresh_token",
            "client_id": "mobile-app",
            "refresh_token": refresh_token,
            **form,
        }
        return self.http.post(f"{auth or self.stack.auth}/token", data=body)

    def revoke(self, token: str, **form: str) -> httpx2.Response:
        return self.http.post(f"{self.stack.auth}/revoke", data={"client_id": "mobile-app", "token": token, **form})


def refused(response: httpx2.Response, error: str = "invalid_grant") -> bool:
    """Tell whether /token said no, in its own format."""
    return response.status_code == 400 and response.json()["error"] == error


def names(response: httpx2.Response) -> set[str]:
    """Return the names of the contacts in an answer."""
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return {item["name"] for item in items}
