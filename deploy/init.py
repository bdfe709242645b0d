"""python -m deploy.init: makes the stack's secrets, each once, into the volume that its reader mounts.

Runs at every `docker compose up` and changes nothing when all is there. It never replaces a secret; only the proxy's
certificate, which is none, is made anew when its names change or its end is near. Exit 0 done, 1 refused (one line on
standard error says why), 2 wrong usage.

Policy: ADR-0010
"""

import argparse
import base64
import re
import secrets
import sys
from pathlib import Path

from deploy.own_certificate import read_own_certificate, system_roots
from shared.certificates import domain_of, issue_authority, issue_certificate, new_key, still_good
from shared.clock import Clock
from shared.errors import ConfigurationError, SuiteError
from shared.secret_files import follow, made_once

SERVICES = ("auth", "crm", "orders")
ROOT = Path("/secrets")

#: What opens the database's own secrets. A new one would open nothing, so a lost one is never made anew in silence.
_IRREPLACEABLE = ("auth/key-encryption-keys", "auth/refresh-mac-keys")


def main(arguments: list[str] | None = None) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.init", description="Make what is missing of the secrets.")
    parser.add_argument("--domain", required=True, help="the names are auth., crm. and orders. of it")
    parser.add_argument("--database", default="postgres", help="host of PostgreSQL")
    parser.add_argument("--valkey", default="valkey", help="host of Valkey")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the volumes are mounted")
    given = parser.parse_args(arguments)
    try:
        before = _names_of_files(given.root)
        make_certificates(given.root, given.domain)
        make_secrets(given.root, database=given.database, valkey=given.valkey)
        made = sorted(_names_of_files(given.root) - before)
    except SuiteError as error:
        print(f"init: {error}", file=sys.stderr)
        return 1
    print(f"made {', '.join(made)}" if made else "nothing to do")
    return 0


def make_certificates(root: Path, domain: str) -> None:
    """Make the authority and the proxy's certificate.

    Raises:
        ConfigurationError: `domain` is none, the authority in place speaks for another, or the own certificate is
            of no use.
    """
    if not re.fullmatch(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", domain):
        raise ConfigurationError(
            f"DOMAIN: {domain!r} is not a domain name; write it in lower case, without a dot at its end"
        )
    now = Clock().now()
    authority_key = made_once(root / "ca-key" / "ca.key", new_key)
    authority = made_once(root / "ca" / "ca.crt", lambda: issue_authority(authority_key, domain, now))
    if (former := domain_of(authority)) != domain:
        remedy = (
            f"set DOMAIN back, or remove the volumes ca, ca-key and proxy-secrets and trust the new {root}/ca/ca.crt"
        )
        raise ConfigurationError(
            f"DOMAIN: is {domain}, but the authority in place may speak for {former} alone; {remedy}"
        )
    key = made_once(root / "proxy" / "tls.key", new_key)
    names = [f"{service}.{domain}" for service in SERVICES]

    def issued() -> bytes:
        return issue_certificate(authority, authority_key, key, names, now)

    certificate = made_once(root / "proxy" / "tls.crt", issued)
    if not still_good(certificate, authority, key, names, now):
        follow(root / "proxy" / "tls.crt", issued())
        print("the proxy's certificate was renewed: docker compose restart caddy")
    own = read_own_certificate(root / "own-proxy", names, now)
    if own is not None and follow(root / "ca" / "trusted-ca.crt", b"\n".join([authority, own, system_roots()])):
        print("your own certificate is trusted: docker compose restart caddy auth crm orders")


def make_secrets(root: Path, *, database: str, valkey: str) -> None:
    """Make keys, passwords and the addresses that hold them.

    Raises:
        ConfigurationError: a key that was made before is gone.
    """
    made_before = root / "ca-key" / "initialised"
    if made_before.exists():
        for name in _IRREPLACEABLE:
            if not (root / name).exists():
                remedy = "restore it from its backup, or begin with no data: docker compose down -v"
                raise ConfigurationError(f"{root / name}: was made before and is gone; {remedy}")
    for name in _IRREPLACEABLE:
        made_once(root / name, _new_key_ring)
    made_once(made_before, lambda: b"the keys of auth were made; init makes no others\n")

    made_once(root / "postgres" / "password", _new_password)
    for service in SERVICES:
        for role, volume in ((service, service), (f"{service}_owner", f"{service}-owner")):
            file = root / ("auth-database" if volume == "auth" else volume) / "database-url"
            made_once(file, lambda role=role, service=service: _database_url(role, database, service))  # type: ignore[misc]

    # both its readers' (the client itself, and what registers it) and nobody else's
    made_once(root / "orders-client" / "client-secret", _new_password)

    password = made_once(root / "valkey" / "password", _new_password).decode()
    follow(root / "valkey" / "valkey.conf", _VALKEY.format(password=password).encode())
    follow(root / "auth" / "valkey-url", f"valkey://:{password}@{valkey}:6379/0".encode())


_VALKEY = """# made by deploy.init: counters of rate limits, which may be lost at any time
requirepass {password}
protected-mode no
save ""
appendonly no
maxmemory 64mb
maxmemory-policy volatile-ttl
"""


def _new_key_ring() -> bytes:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=")


def _new_password() -> bytes:
    return secrets.token_hex(24).encode()


def _database_url(role: str, host: str, database: str) -> bytes:
    return f"postgresql+psycopg://{role}:{secrets.token_hex(24)}@{host}:5432/{database}".encode()


def _names_of_files(root: Path) -> set[str]:
    return {str(file.relative_to(root)) for file in root.glob("*/*") if not file.name.startswith(".")}


if __name__ == "__main__":
    sys.exit(main())
