"""auth's database on both backends, with a client, users and a session to hang rows on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert, select
from uuid_utils.compat import uuid7

from services.auth.accounts.browser_session import BrowserSession
from services.auth.audit import Origin
from services.auth.authorization.code import AuthorizationCode
from services.auth.opaque_token import digest, mint_opaque_token
from services.auth.storage import SqlAuthDatabase
from services.auth.storage.tables import clients, status_shards, users
from services.auth.tokens.authorization import Authorization
from services.auth.tokens.family import NewFamily
from services.auth.tokens.status_list import SHARD_SIZE, StatusReference
from shared.database import Database
from shared.testing import ALICE, BOB, SettableClock
from tests.support.authorizations import new_authorization, some_event, split_changes
from tests.support.databases import migrated

NOON = SettableClock().now()
HOME = Origin("192.0.2.1", "Phone/1")
SEED_HASH = b"\x01" * 32
CLIENT_METADATA = {
    "client_name": "App",
    "application_type": "native",
    "token_endpoint_auth_method": "none",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": ["myapp://callback"],
    "scope": "openid offline_access",
    "first_party": True,
}


@dataclass(frozen=True)
class Stage:
    """A database that holds a client, alice, bob and a session of alice's; and what can be added to it."""

    sql: Database
    auth: SqlAuthDatabase
    session: BrowserSession

    def second_process(self) -> SqlAuthDatabase:
        """Return what another process of the service opens."""
        return SqlAuthDatabase(Database(self.sql.url))

    def family(self, **changes: Any) -> NewFamily:
        """Add a family and return it."""
        family = new_family(self.session, **changes)
        with self.auth.transaction() as stores:
            stores.families.add(family)
        return family

    def code(self, **changes: Any) -> AuthorizationCode:
        """Add a code and return it."""
        code = new_code(self.session, **changes)
        with self.auth.transaction() as stores:
            stores.codes.add(code, some_event(code, NOON))
        return code


def new_session(**changes: Any) -> BrowserSession:
    values: dict[str, Any] = {
        "id": uuid7(),
        "user_id": UUID(ALICE),
        "cookie_hash": digest(mint_opaque_token()),
        "auth_time": NOON,
        "password_at": NOON,
        "mfa_at": None,
        "created_at": NOON,
        "idle_expires_at": NOON + timedelta(hours=12),
        "expires_at": NOON + timedelta(days=7),
    }
    return BrowserSession(**{**values, **changes})


def new_family(session: BrowserSession, **changes: Any) -> NewFamily:
    inner, outer = split_changes(changes)
    values: dict[str, Any] = {
        "id": uuid7(),
        "authorization": _authorization(session, {"resources": ("https://crm.example",), **inner}),
        "seed_hash": SEED_HASH,
        "mac_kid": b"kid0",
        "origin": HOME,
        "idle_expires_at": NOON + timedelta(days=30),
        "expires_at": NOON + timedelta(days=180),
        "created_at": NOON,
    }
    return NewFamily(**{**values, **outer})


def new_code(session: BrowserSession, **changes: Any) -> AuthorizationCode:
    inner, outer = split_changes(changes)
    values: dict[str, Any] = {
        "code_hash": digest(mint_opaque_token()),
        "authorization": _authorization(session, inner),
        "redirect_uri": "myapp://callback",
        "code_challenge": "c" * 43,
        "nonce": "n" * 4096,
        "created_at": NOON,
        "expires_at": NOON + timedelta(seconds=60),
        "used_at": None,
        "family_id": None,
    }
    return AuthorizationCode(**{**values, **outer})


def _authorization(session: BrowserSession, changes: dict[str, Any]) -> Authorization:
    values: dict[str, Any] = {
        "user_id": session.user_id,
        "session_id": session.id,
        "scopes": frozenset({"openid", "offline_access"}),
        "auth_time": NOON,
    }
    return new_authorization(**{**values, **changes})


def user_row(subject: str, name: str, now: datetime = NOON) -> dict[str, Any]:
    return {
        "id": UUID(subject),
        "username": name,
        "password_hash": None,
        "claims": {"name": name.title()},
        "team": "sales",
        "roles": ["manager"],
        "activated_at": now,
        "disabled_at": None,
        "tokens_valid_from": None,
        "created_at": now,
        "updated_at": now,
    }


def set_up(database: Database) -> Stage:
    session = new_session()
    with database.unit_of_work() as db:
        client = {"client_id": "app", "metadata": CLIENT_METADATA, "created_at": NOON, "updated_at": NOON}
        db.execute(insert(clients).values(**client))
        db.execute(insert(users), [user_row(ALICE, "alice"), user_row(BOB, "bob")])
    auth = SqlAuthDatabase(database)
    with auth.transaction() as stores:
        stores.sessions.add(session)
    return Stage(database, auth, session)


def bit(stage: Stage, place: StatusReference) -> bool:
    with stage.sql.autocommit() as db:
        query = select(status_shards.c.bits).where(status_shards.c.shard == place.shard)
        bits: bytes = db.execute(query).scalar_one()
    assert len(bits) * 8 == SHARD_SIZE
    return bool(bits[place.index >> 3] >> (place.index & 7) & 1)


def version(stage: Stage, shard: int = 0) -> int:
    with stage.sql.autocommit() as db:
        return int(db.execute(select(status_shards.c.version).where(status_shards.c.shard == shard)).scalar_one())


@pytest.fixture
def stage(migrated_database: Callable[[str], Database]) -> Stage:
    """On each backend."""
    return set_up(migrated_database("auth"))


@pytest.fixture
def postgres_stage(postgres_database_url: str) -> Iterator[Stage]:
    """On PostgreSQL alone: where two processes really run at once."""
    database = migrated("auth", postgres_database_url)
    yield set_up(database)
    database.dispose()
