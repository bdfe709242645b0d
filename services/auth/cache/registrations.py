"""What is registered (clients, APIs and their scopes), kept in the process for some seconds.

The hot endpoints would otherwise spend two statements on what changes a few times a year. What must hold at once (a
disabled client or user, an ended family) is checked in the statement that acts: redemption, rotation, retry.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.auth.clients.app_links import android_links, apple_links
from services.auth.clients.client import Client
from services.auth.scopes import ScopeCatalogue
from services.auth.stores import AuthDatabase
from services.auth.tokens.status_list import StatusReference, machine_status
from shared.errors import Unavailable


class EnabledClients:
    """What every enabled client says in public: the origins of its scripts, the apps that are its own."""

    def __init__(self, clients: tuple[Client, ...]) -> None:
        self.browser_origins = frozenset(origin for client in clients for origin in client.browser_origins)
        self.android_links = android_links(clients)
        self.apple_links = apple_links(clients)


@dataclass
class Registrations:
    """Clients and scopes, at most `lifetime` old (scopes older, while the database is away)."""

    database: AuthDatabase
    lifetime: timedelta
    _clients: dict[str, tuple[datetime, Client]] = field(default_factory=dict)
    _catalogue: tuple[datetime, ScopeCatalogue] | None = None
    _enabled: tuple[datetime, EnabledClients] | None = None
    _machine_statuses: dict[str, tuple[datetime, StatusReference]] = field(default_factory=dict)

    def find_client(self, client_id: str, now: datetime) -> Client | None:
        """Return an enabled client."""
        held = self._clients.get(client_id)
        if held is None or not self._fresh(held[0], now):
            with self.database.autocommit() as stores:
                client = stores.clients.find(client_id)
            if client is None:
                self._clients.pop(client_id, None)
                return None
            held = (now, client)
            self._clients[client_id] = held
        return None if held[1].disabled_at is not None else held[1]

    def machine_status(self, client: Client, now: datetime) -> StatusReference | None:
        """Return the status reference for a token that `client`, as `find_client` knew it, gets; None: it is disabled.

        One that was taken away meanwhile yields tokens that are dead from the start, never ones that outlive an end.

        Raises:
            Unavailable: what the client proved itself by may be dropped; it must prove itself again.
        """
        held = self._machine_statuses.get(client.client_id)
        if held is None or not self._fresh(held[0], now):
            reference = machine_status(self.database, client.client_id, now)
            if reference is None:
                self._machine_statuses.pop(client.client_id, None)
                return None
            # now: the end that drops a secret takes the reference that the secret's holder may have
            self.look_again(client)
            held = (now, reference)
            self._machine_statuses[client.client_id] = held
        return held[1]

    def look_again(self, client: Client) -> None:
        """Make sure that a client, as `find_client` knew it, is still enabled and what it proves itself by still good.

        Raises:
            Unavailable: it has changed; asked again, it has to prove itself anew.
        """
        with self.database.autocommit() as stores:
            present = stores.clients.find(client.client_id)
        if present is None or present.disabled_at is not None or not client.proves_itself_as(present):
            self._clients.pop(client.client_id, None)
            raise Unavailable("the client has just been changed")

    def forget_machine_statuses(self) -> None:
        """Look for each reference anew: some machine client's tokens were ended."""
        self._machine_statuses.clear()

    def held_catalogue(self, now: datetime) -> ScopeCatalogue | None:
        """Return what `catalogue` would, if that needs no look into the database."""
        held = self._catalogue
        return held[1] if held is not None and self._fresh(held[0], now) else None

    def catalogue(self, now: datetime) -> ScopeCatalogue:
        """Return every scope there is; while the database is away, those last read."""
        held = self._catalogue
        if held is None or not self._fresh(held[0], now):
            try:
                with self.database.autocommit() as stores:
                    held = (now, stores.apis.catalogue())
            except Unavailable:
                if held is None:
                    raise
            self._catalogue = held
        return held[1]

    def held_clients(self, now: datetime) -> EnabledClients | None:
        """Return what `clients` would, if that needs no look into the database."""
        held = self._enabled
        return held[1] if held is not None and self._fresh(held[0], now) else None

    def clients(self, now: datetime) -> EnabledClients:
        """Return what all clients together say; while the database is away, as last read."""
        held = self._enabled
        if held is None or not self._fresh(held[0], now):
            try:
                with self.database.autocommit() as stores:
                    held = (now, EnabledClients(stores.clients.enabled()))
            except Unavailable:
                if held is None:
                    raise
            self._enabled = held
        return held[1]

    def _fresh(self, read_at: datetime, now: datetime) -> bool:
        return timedelta(0) <= now - read_at < self.lifetime
