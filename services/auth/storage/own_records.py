"""A person's own records in the database. Each statement names the user."""

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from services.auth.accounts.browser_session import BrowserSession
from services.auth.authorization.own_records import MOST_SHOWN, AppInstall, ConnectedApp, OwnEvent
from services.auth.storage.tables import audit_events, browser_sessions, clients, consents, families
from shared.database import Connection

_session, _family, _event = browser_sessions.c, families.c, audit_events.c
_SESSION = tuple(_session[field.name] for field in fields(BrowserSession))
_CLIENT_NAME = clients.c.metadata["client_name"].as_string()


@dataclass(frozen=True)
class SqlOwnRecords:
    """Implements `authorization.own_records.OwnRecords`."""

    connection: Connection

    def sessions(self, user_id: UUID, now: datetime) -> list[BrowserSession]:
        live = (_session.ended_at.is_(None), _session.idle_expires_at > now, _session.expires_at > now)
        query = select(*_SESSION).where(_session.user_id == user_id, *live)
        newest = query.order_by(_session.auth_time.desc(), _session.id.desc()).limit(MOST_SHOWN)
        return [BrowserSession(*row) for row in self.connection.execute(newest)]

    def session(self, user_id: UUID, session_id: UUID) -> BrowserSession | None:
        query = select(*_SESSION).where(_session.id == session_id, _session.user_id == user_id)
        row = self.connection.execute(query.where(_session.ended_at.is_(None))).one_or_none()
        return None if row is None else BrowserSession(*row)

    def installs(self, user_id: UUID, now: datetime) -> list[AppInstall]:
        live = (_family.revoked_at.is_(None), _family.idle_expires_at > now, _family.expires_at > now)
        query = (
            select(
                _family.id,
                _family.session_id,
                func.coalesce(_CLIENT_NAME, _family.client_id),
                _family.device_label,
                _family.last_network,
                _family.last_agent,
                _family.created_at,
                _family.rotated_at,
            )
            .join(clients, clients.c.client_id == _family.client_id)
            .where(_family.user_id == user_id, *live)
            .where(clients.c.metadata["application_type"].as_string() == "native")
            .order_by(_family.rotated_at.desc(), _family.id.desc())
            .limit(MOST_SHOWN)
        )
        return [AppInstall(*row) for row in self.connection.execute(query)]

    def apps(self, user_id: UUID) -> list[ConnectedApp]:
        query = (
            select(consents.c.client_id, func.coalesce(_CLIENT_NAME, consents.c.client_id).label("name"))
            .add_columns(consents.c.scope, consents.c.created_at)
            .join(clients, clients.c.client_id == consents.c.client_id)
            .where(consents.c.user_id == user_id)
            .order_by("name", consents.c.client_id, consents.c.scope)
        )
        found: dict[str, ConnectedApp] = {}
        for client_id, name, scope, since in self.connection.execute(query):
            before = found.get(client_id, ConnectedApp(client_id, name, frozenset(), since))
            scopes, first = before.scopes | {scope}, min(before.since, since)
            found[client_id] = ConnectedApp(client_id, name, scopes, first)
        return list(found.values())

    def events(self, user_id: UUID, names: frozenset[str], *, before: UUID | None, limit: int) -> list[OwnEvent]:
        query = (
            select(_event.id, _event.at, _event.event, func.coalesce(_CLIENT_NAME, _event.client_id))
            .add_columns(_event.network, _event.agent, _event.details)
            .outerjoin(clients, clients.c.client_id == _event.client_id)
            .where(_event.user_id == user_id, _event.event.in_(sorted(names)))
        )
        if before is not None:
            query = query.where(_event.id < before)
        newest = query.order_by(_event.id.desc()).limit(limit)
        return [OwnEvent(*row) for row in self.connection.execute(newest)]
