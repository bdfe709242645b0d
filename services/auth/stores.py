"""The bundle of storage ports that a request needs, and how it is opened.

`storage` implements it, `app.py` plugs it in; a feature asks for the part that it names in a Protocol of its own.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from services.auth.accounts.browser_session import Sessions
from services.auth.accounts.failure_budget import FailureBudgets
from services.auth.accounts.known_devices import KnownDevices
from services.auth.accounts.one_time_link import OneTimeLinks
from services.auth.accounts.passkey import PasskeyChallenges, Passkeys
from services.auth.accounts.people import People
from services.auth.accounts.recovery_codes import RecoveryCodes
from services.auth.accounts.totp import TotpCredentials
from services.auth.accounts.user import Users
from services.auth.audit import AuditTrail
from services.auth.authorization.code import AuthorizationCodes
from services.auth.authorization.consent import Consents
from services.auth.authorization.device import DeviceAuthorizations
from services.auth.authorization.own_records import OwnRecords
from services.auth.authorization.repeat import StepAnswers
from services.auth.authorization.request import WaitingRequests
from services.auth.clients.assertion import UsedAssertions
from services.auth.clients.client import Clients
from services.auth.keys.key_set import SigningKeys
from services.auth.keys.rotation import AllShards, RotatingKeys
from services.auth.logout.back_channel.outbox import LogoutNotices
from services.auth.logout.rp_initiated import WaitingLogouts
from services.auth.mail.outbox import Mails, Notices
from services.auth.protocol.dpop import UsedProofs
from services.auth.provisioning.client_secrets import ClientSecrets
from services.auth.scopes import Apis
from services.auth.tokens.access_token import RevokedAccessTokens
from services.auth.tokens.family import Families
from services.auth.tokens.status_list import MachineStatuses, Publications, StatusShards


class StoredKeys(SigningKeys, RotatingKeys, Protocol):
    """The signing keys, to load and to rotate."""


class Shards(StatusShards, AllShards, Protocol):
    """The bits of the status list."""


@dataclass(frozen=True)
class Stores:
    """Every port, on one connection."""

    apis: Apis
    assertions: UsedAssertions
    audit: AuditTrail
    budgets: FailureBudgets
    client_secrets: ClientSecrets
    clients: Clients
    consents: Consents
    codes: AuthorizationCodes
    device_authorizations: DeviceAuthorizations
    devices: KnownDevices
    families: Families
    links: OneTimeLinks
    logout_notices: LogoutNotices
    machine_statuses: MachineStatuses
    passkey_challenges: PasskeyChallenges
    passkeys: Passkeys
    people: People
    proofs: UsedProofs
    mails: Mails
    notices: Notices
    own: OwnRecords
    publications: Publications
    recovery_codes: RecoveryCodes
    revoked_access_tokens: RevokedAccessTokens
    sessions: Sessions
    signing_keys: StoredKeys
    status_shards: Shards
    step_answers: StepAnswers
    totp: TotpCredentials
    users: Users
    waiting_logouts: WaitingLogouts
    waiting_requests: WaitingRequests


class AuthDatabase(Protocol):
    """Opens the stores. Never open one while another is open: SQLite has a single connection."""

    def transaction(self) -> AbstractContextManager[Stores]:
        """One transaction: committed at the end of the block, rolled back by an error."""
        ...

    def autocommit(self) -> AbstractContextManager[Stores]:
        """Each statement is durable when it returns."""
        ...

    def statement(self) -> AbstractContextManager[Stores]:
        """For a write that is one statement on PostgreSQL: as `autocommit`; on SQLite, which may need two, one unit."""
        ...
