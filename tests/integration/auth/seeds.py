"""What the provider of these tests holds: config/local.yaml, more clients, keys, and what its clients ask for."""

import atexit
import base64
import functools
import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from services.auth.keys.key_ring import parse_key_ring
from services.auth.keys.key_set import load_key_set
from services.auth.provisioning.apply import apply_configuration
from services.auth.provisioning.parse import parse_configuration
from services.auth.settings import AuthSettings
from services.auth.storage import stores_on
from services.auth.storage.configuration import SqlConfigurationStore
from shared.config_file import load_config
from shared.database import Database
from shared.testing import SettableClock
from tests.integration.auth.logout_seeds import LOGOUT_CLIENTS
from tests.support.assertions import ec_key, public_jwk, rsa_key
from tests.support.databases import migrated

ROOT = Path(__file__).parents[3]
HTTP_ISSUER, HTTPS_ISSUER = "http://localhost:9000", "https://auth.company.example"
#: Keys of 32 bytes for tests alone.
ENCRYPTION_KEY, MAC_KEY = (base64.urlsafe_b64encode(bytes([n]) * 32).decode().rstrip("=") for n in (7, 8))

ALICE, BOB = ("alice", "wonderland-tea-party"), ("bob", "builder-yes-we-can")
CAROL = ("carol", "carol-keeps-the-books")
BOBS_TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

DEEP_LINK, LOOPBACK = "myapp://callback", "http://127.0.0.1:49152/callback"
APP_LINK = "https://app.company.localhost/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636-00"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PARTNER_CALLBACK = "http://localhost:9100/callback"
PARTNER_SECRET = "partner-web-secret-for-local-use-only"
#: What partner-web, a third-party client, asks for.
PARTNER = {"client_id": "partner-web", "redirect_uri": PARTNER_CALLBACK, "scope": "openid profile crm:read"}
SCOPE = "openid profile email offline_access crm:read crm:write orders:read"
CRM, ORDERS = "http://localhost:9001", "http://localhost:9002"

PORTAL_SECRET = "portal: +% s\u00e9cret & \u00e4nough characters"
#: What a web client of our own asks: a session answers it silently.
PORTAL_CALLBACK = "https://portal.company.localhost/callback?tenant=1"
PORTAL = {"client_id": "portal", "redirect_uri": PORTAL_CALLBACK, "scope": "openid crm:read"}
BANK_SECRET = "bank-secret-of-tests-for-local-use-only"
#: Clients that the local seeds have no need of.
MORE_CLIENTS: list[dict[str, Any]] = [
    {
        "client_id": "other-app",
        "client_name": "Other <b>App</b>",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["com.example.other:/callback", "https://other.company.localhost/callback"],
        "scope": "openid offline_access crm:read",
        "first_party": True,
    },
    {
        "client_id": "television",
        "client_name": "Television",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "openid offline_access crm:read",
    },
    {
        "client_id": "portal",
        "client_name": "Portal",
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": PORTAL_SECRET,
        "also_allow_client_secret_post": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": [PORTAL_CALLBACK],
        "scope": "openid offline_access crm:read",
        "first_party": True,
        "require_pkce": False,
    },
    {
        "client_id": "strict-app",
        "client_name": "Strict",
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
        "redirect_uris": ["https://strict.company.localhost/callback"],
        "scope": "openid offline_access crm:read",
        "first_party": True,
        "access_token_lifetime": 60,
        "refresh_retry_window": 0,
        "refresh_idle_lifetime": 3600,
        "refresh_absolute_lifetime": 7200,
    },
    {
        "client_id": "bank",
        "client_name": "Bank",
        "application_type": "web",
        "token_endpoint_auth_method": "client_secret_basic",
        "client_secret": BANK_SECRET,
        "grant_types": ["authorization_code"],
        "redirect_uris": ["https://bank.company.localhost/callback"],
        "scope": "openid profile crm:read",
        "first_party": True,
        "require_mfa": True,
        "require_pushed_authorization_requests": True,
        "require_auth_time": True,
        "default_max_age": 600,
    },
]

ASSERTION_KEY, SECOND_ASSERTION_KEY = rsa_key(), ec_key()
MORE_CLIENTS += [
    {
        "client_id": f"{name}-signer",
        "client_name": "Signer",
        "application_type": "web",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [public_jwk(ASSERTION_KEY, "k"), public_jwk(SECOND_ASSERTION_KEY, "k2")]},
        "grant_types": ["client_credentials"],
        "scope": "crm:read",
        "client_assertion_audience": audience,
        "resource_identifiers": [CRM],
        "introspection": True,
    }
    for name, audience in (("batch", "endpoint"), ("strict", "issuer"))
]

REQUEST = {
    "response_type": "code",
    "client_id": "mobile-app",
    "redirect_uri": DEEP_LINK,
    "scope": SCOPE,
    "state": "a state",
    "nonce": "a nonce",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


def settings_for(data: Path, url: str, **changes: Any) -> AuthSettings:
    """Return local settings with the keys of tests."""
    values = {
        "environment": "local",
        "data_dir": data,
        "database_url": url,
        "issuer": HTTP_ISSUER,
        "key_encryption_keys": ENCRYPTION_KEY,
        "refresh_mac_keys": MAC_KEY,
        **changes,
    }
    return AuthSettings(**values)


def seed(database: Database, *clients: dict[str, Any]) -> None:
    """Bring an empty database to the local seeds, the clients above, `clients` and a first signing key."""
    content = load_config(ROOT / "config" / "local.yaml")
    content["clients"] += [*MORE_CLIENTS, *LOGOUT_CLIENTS, *clients]
    ring, now = parse_key_ring(ENCRYPTION_KEY, "AUTH_KEY_ENCRYPTION_KEYS"), SettableClock().now()
    configuration = parse_configuration(content, local=True)
    with database.unit_of_work() as db:
        apply_configuration(SqlConfigurationStore(db), configuration, keys=ring, write=True, now=now)
        load_key_set(stores_on(db).signing_keys, ring, bits=2048, now=now)


@functools.cache
def seeded_file() -> Path:
    directory = tempfile.mkdtemp(prefix="sso-auth-seeded-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    file = Path(directory) / "auth.sqlite3"
    database = migrated("auth", f"sqlite:///{file}")
    seed(database)
    database.dispose()  # the last connection writes the WAL back into the one file
    return file
