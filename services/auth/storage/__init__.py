"""Storage: the SQL behind the ports of auth's features, one file a concept; `tables.py` is the whole schema.

Only `app.py`, `cli.py` and `doctor.py` import it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.auth.mail.outbox import Notices
from services.auth.storage.assertion_jtis import SqlUsedAssertions
from services.auth.storage.audit_events import SqlAuditTrail
from services.auth.storage.authorization_codes import SqlAuthorizationCodes
from services.auth.storage.client_secrets import SqlClientSecrets
from services.auth.storage.clients import SqlApis, SqlClients
from services.auth.storage.consents import SqlConsents
from services.auth.storage.device_authorizations import SqlDeviceAuthorizations
from services.auth.storage.dpop_proofs import SqlUsedProofs
from services.auth.storage.failure_budgets import SqlFailureBudgets
from services.auth.storage.families import SqlFamilies
from services.auth.storage.known_devices import SqlKnownDevices
from services.auth.storage.logout_notices import SqlLogoutNotices
from services.auth.storage.mails import SqlMails
from services.auth.storage.one_time_links import SqlOneTimeLinks
from services.auth.storage.own_records import SqlOwnRecords
from services.auth.storage.passkeys import SqlPasskeyChallenges, SqlPasskeys
from services.auth.storage.people import SqlPeople
from services.auth.storage.publications import SqlPublications
from services.auth.storage.recovery_codes import SqlRecoveryCodes
from services.auth.storage.revoked_access_tokens import SqlRevokedAccessTokens
from services.auth.storage.sessions import SqlSessions
from services.auth.storage.signing_keys import SqlSigningKeys
from services.auth.storage.status_shards import SqlMachineStatuses, SqlStatusShards
from services.auth.storage.step_answers import SqlStepAnswers
from services.auth.storage.users import SqlTotpCredentials, SqlUsers
from services.auth.storage.waiting_logouts import SqlWaitingLogouts
from services.auth.storage.waiting_requests import SqlWaitingRequests
from services.auth.stores import Stores
from shared.database import Connection, Database


@dataclass(frozen=True)
class SqlAuthDatabase:
    """Implements `stores.AuthDatabase`."""

    database: Database

    @contextmanager
    def transaction(self) -> Iterator[Stores]:
        with self.database.unit_of_work() as connection:
            yield stores_on(connection)

    @contextmanager
    def autocommit(self) -> Iterator[Stores]:
        with self.database.autocommit() as connection:
            yield stores_on(connection)

    @contextmanager
    def statement(self) -> Iterator[Stores]:
        single = self.database.engine.dialect.name == "postgresql"
        with self.database.autocommit() if single else self.database.unit_of_work() as connection:
            yield stores_on(connection)


def stores_on(connection: Connection) -> Stores:
    """Return every port of auth on this connection."""
    return Stores(
        apis=SqlApis(connection),
        assertions=SqlUsedAssertions(connection),
        audit=SqlAuditTrail(connection),
        budgets=SqlFailureBudgets(connection),
        client_secrets=SqlClientSecrets(connection),
        clients=SqlClients(connection),
        consents=SqlConsents(connection),
        codes=SqlAuthorizationCodes(connection),
        device_authorizations=SqlDeviceAuthorizations(connection),
        devices=SqlKnownDevices(connection),
        families=SqlFamilies(connection),
        links=SqlOneTimeLinks(connection),
        logout_notices=SqlLogoutNotices(connection),
        machine_statuses=SqlMachineStatuses(connection),
        mails=SqlMails(connection),
        notices=Notices(SqlUsers(connection), SqlMails(connection)),
        own=SqlOwnRecords(connection),
        passkey_challenges=SqlPasskeyChallenges(connection),
        passkeys=SqlPasskeys(connection),
        people=SqlPeople(connection),
        proofs=SqlUsedProofs(connection),
        publications=SqlPublications(connection),
        recovery_codes=SqlRecoveryCodes(connection),
        revoked_access_tokens=SqlRevokedAccessTokens(connection),
        sessions=SqlSessions(connection),
        signing_keys=SqlSigningKeys(connection),
        status_shards=SqlStatusShards(connection),
        step_answers=SqlStepAnswers(connection),
        totp=SqlTotpCredentials(connection),
        users=SqlUsers(connection),
        waiting_logouts=SqlWaitingLogouts(connection),
        waiting_requests=SqlWaitingRequests(connection),
    )
