"""`keys list`, `rotate [--emergency]`, `advance`, `republish`: the signing keys; `reseal`: what they are sealed under.

Policy: ADR-0017; the steps in words: docs/runbooks/keys.md
"""

from argparse import Namespace
from collections.abc import Sequence

from services.auth.app import encryption_keys
from services.auth.audit import AuditEvent
from services.auth.keys.rotation import RotationPolicy, advance, due_at, rotate, rotate_in_emergency
from services.auth.keys.signing_key import StoredSigningKey
from services.auth.operations.opened import opened
from services.auth.settings import AuthSettings
from services.auth.storage.sealed import reseal_all
from shared.command_line import Subparsers, moment
from shared.errors import ConfigurationError


def add_commands(commands: Subparsers) -> None:
    """Add the group."""
    group = commands.add_parser("keys", help="the signing keys").add_subparsers(dest="action", required=True)
    group.add_parser("list", help="every key, its state and its next step").set_defaults(act=list_keys)
    rotation = group.add_parser("rotate", help="announce a new key; once it was announced long enough, activate it")
    rotation.add_argument(
        "--emergency", action="store_true", help="drop every key now: all tokens of theirs are refused everywhere"
    )
    rotation.set_defaults(act=rotate_keys)
    steps = "take the steps that are due, begin nothing; for a timer"
    group.add_parser("advance", help=steps).set_defaults(act=advance_keys)
    again = "let every process and API load keys and status lists anew; after a restore"
    group.add_parser("republish", help=again).set_defaults(act=republish)
    anew = "seal every row anew under the first key-encryption key, so that the others may go"
    group.add_parser("reseal", help=anew).set_defaults(act=reseal_rows)


def list_keys(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Return a line a key, oldest first."""
    del given
    with opened(settings) as database, database.autocommit() as stores:
        return [_line(key, RotationPolicy.of(settings)) for key in stores.signing_keys.known()]


def rotate_keys(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Begin a rotation or go on with it; in an emergency do it all at once."""
    ring, policy, now = encryption_keys(settings), RotationPolicy.of(settings), settings.clock().now()
    with opened(settings) as database, database.transaction() as stores:
        if given.emergency:
            return rotate_in_emergency(stores, ring, policy, now)
        waiting = [key for key in stores.signing_keys.known() if key.state == "announced"]
        return rotate(stores, ring, policy, now) or [
            f"nothing to do: {key.kid} is announced and may become active from {moment(due_at(key, policy))}"
            for key in waiting
        ]


def advance_keys(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Take the steps that are due."""
    del given
    with opened(settings) as database, database.transaction() as stores:
        return advance(stores, RotationPolicy.of(settings), settings.clock().now())


def republish(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Move every version, so that what a restored backup holds counts as the newest."""
    del given
    now = settings.clock().now()
    with opened(settings) as database, database.transaction() as stores:
        stores.signing_keys.lock()
        stores.signing_keys.move_version(now)
        stores.status_shards.move_all(now)
    return ["keys and status lists are published anew"]


def reseal_rows(settings: AuthSettings, given: Namespace) -> Sequence[str]:
    """Let old key-encryption keys leave the ring.

    Raises:
        ConfigurationError: some rows cannot be opened; the others are sealed anew all the same.
    """
    del given
    ring, now = encryption_keys(settings), settings.clock().now()
    with opened(settings) as database:
        done = list(reseal_all(database.database, ring))
        counts = {each.what: each.count for each in done}
        if any(counts.values()):
            with database.transaction() as stores:
                details = {"key": ring.current.hex(), **counts}
                stores.audit.record(AuditEvent("rows_sealed_anew", now, details=details))
    lines = [f"{what}: {count} sealed anew" for what, count in counts.items()]
    faults = [fault for each in done for fault in each.faults]
    if faults:
        told = "; ".join([*lines, *faults[:3]])
        raise ConfigurationError(f"{told}; {len(faults)} rows stay as they were: keep the older keys")
    return [*lines, f"every row is under key {ring.current.hex()}: older ones may leave AUTH_KEY_ENCRYPTION_KEYS"]


def _line(key: StoredSigningKey, policy: RotationPolicy) -> str:
    since = {
        "announced": key.created_at,
        "active": key.activated_at,
        "retired": key.retired_at,
        "removed": key.removed_at,
    }[key.state]
    line = f"{key.kid}  {key.state:<9}  since {moment(since)}"
    following = {"announced": "active", "retired": "removed", "removed": "forgotten"}.get(key.state)
    return f"{line}  {following} from {moment(due_at(key, policy))}" if following else line
