"""What every scene of the demo uses: the phones, the networks under them, and the checks that are made often.

Alice's phone has two apps, Bob's one. `tap` is a thief who sees what Alice's apps send; `network` and `orders_network`
lose the answer to her next refresh, or to her next order.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from mobile.authorization import Registration
from mobile.demo.narrator import Narrator
from mobile.demo.suite import Suite
from mobile.errors import MobileError
from mobile.faults import DroppedReply, Wiretap
from mobile.simulator import App, Phone
from mobile.tokens import Tokens
from shared.clock import Clock


class Stage:
    """The suite with two phones beside it. Nobody is signed in yet."""

    def __init__(self, suite: Suite, directory: Path, narrator: Narrator) -> None:
        self.suite = suite
        self.tell = narrator
        self.contacts = f"{suite.crm}/api/contacts"
        self.orders = f"{suite.orders}/api/orders"
        self.clock = Clock(suite.clock_file)
        registration = Registration(suite.auth, redirect_uri="myapp://callback")
        self.alices_phone = Phone(registration, directory / "alice", self.clock)
        self.bobs_phone = Phone(registration, directory / "bob", self.clock)
        self.tap = Wiretap()
        self.orders_network = DroppedReply(self.tap, on="/api/orders")
        self.network = DroppedReply(self.orders_network)
        self.app = self.alices_phone.install("app", self.network)
        self.other_app = self.alices_phone.install("second-app", self.tap)
        self.bobs_app = self.bobs_phone.install("app")
        self.http = httpx2.Client(trust_env=False)

    def close(self) -> None:
        self.alices_phone.close()
        self.bobs_phone.close()
        self.http.close()

    def tokens(self, app: App) -> Tokens:
        """Return what `app` holds.

        Raises:
            MobileError: nothing.
        """
        tokens = app.client.tokens()
        if tokens is None:
            raise MobileError("the app has no tokens")
        return tokens

    def call(self, app: App, url: str, *columns: str) -> None:
        """Get a list as `app` and show `columns` of its items, of which there must be one."""
        response = app.client.get(url)
        items: list[dict[str, Any]] = response.json().get("items", []) if response.status_code == 200 else []
        self.tell.expect(response.status_code == 200 and bool(items), f"GET {url} -> {response.status_code}")
        for item in items:
            self.tell.say("    " + ", ".join(str(item.get(column)) for column in columns))

    def raw_call(self, url: str, access_token: str | None) -> tuple[int, str]:
        """Get `url` without an app; return status and challenge."""
        headers = {"Authorization": f"Bearer {access_token}"} if access_token else {}
        response = self.http.get(url, headers=headers)
        challenge = response.headers.get("www-authenticate", "")
        return response.status_code, "Bearer " + ", ".join(re.findall(r'(?:realm|error)="[^"]*"', challenge))

    def refused_by_both_apis(self, access_token: str) -> None:
        """Check that an access token of an ended sign-in opens nothing."""
        for name, url in (("CRM", self.contacts), ("Orders", self.orders)):
            status, challenge = self.raw_call(url, access_token)
            self.tell.expect(status == 401, f"the revoked sign-in at {name}: 401, WWW-Authenticate: {challenge}")

    def refused_by_the_provider(self, response: httpx2.Response, what: str) -> None:
        """Check that /token said `invalid_grant`."""
        error = response.json().get("error") if response.status_code == 400 else None
        self.tell.expect(error == "invalid_grant", f"{what}: {response.status_code} {error}")


def raises(kind: type[Exception], action: Callable[[], object]) -> bool:
    """Do `action`; report whether it raised `kind`."""
    try:
        action()
    except kind:
        return True
    return False
