"""The schema of auth. Secrets are digests or ciphertext, never themselves."""

from services.auth.storage.tables.accounts import (
    browser_sessions,
    failure_budgets,
    known_devices,
    passkey_challenges,
    passkeys,
    recovery_codes,
    totp_credentials,
    users,
)
from services.auth.storage.tables.audit import audit_events, audit_retention
from services.auth.storage.tables.grants import (
    authorization_codes,
    consents,
    device_authorizations,
    dpop_proofs,
    families,
    revoked_access_tokens,
    status_shards,
    step_answers,
    waiting_requests,
)
from services.auth.storage.tables.installation import installation
from services.auth.storage.tables.keys import key_set_versions, signing_keys
from services.auth.storage.tables.logout import logout_notices, waiting_logouts
from services.auth.storage.tables.mail import mails, one_time_links
from services.auth.storage.tables.registrations import apis, assertion_jtis, client_secrets, clients, machine_places
from services.auth.storage.tables.schema import metadata
from services.auth.storage.tables.upkeep import upkeep_tasks

__all__ = [
    "apis",
    "assertion_jtis",
    "audit_events",
    "audit_retention",
    "authorization_codes",
    "browser_sessions",
    "client_secrets",
    "clients",
    "consents",
    "device_authorizations",
    "dpop_proofs",
    "failure_budgets",
    "families",
    "installation",
    "key_set_versions",
    "known_devices",
    "logout_notices",
    "machine_places",
    "mails",
    "metadata",
    "one_time_links",
    "passkey_challenges",
    "passkeys",
    "recovery_codes",
    "revoked_access_tokens",
    "signing_keys",
    "status_shards",
    "step_answers",
    "totp_credentials",
    "upkeep_tasks",
    "users",
    "waiting_logouts",
    "waiting_requests",
]
