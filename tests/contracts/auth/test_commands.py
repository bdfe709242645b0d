"""The operator's commands, from the command line down to the rows: exit codes, lines, and what has ended."""

import base64
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from services.auth.accounts.recovery_codes import matching_code, mint_recovery_codes
from services.auth.accounts.sealed_password import seal_hash
from services.auth.accounts.totp import seal_totp_secret, totp_label
from services.auth.keys.encryption import decrypt
from services.auth.keys.key_ring import KeyRing
from services.auth.keys.key_set import load_key_set
from services.auth.opaque_token import digest
from services.auth.operations.cli import main
from services.auth.storage.configuration import SqlConfigurationStore
from services.auth.storage.sealed import SEALED
from services.auth.storage.tables import audit_events, families, metadata, step_answers, totp_credentials, users
from shared.clock import Clock
from shared.testing import ALICE, BOB
from tests.contracts.auth.conftest import CLIENT_METADATA, NOON, Stage
from tests.support.clock_file import ClockFile

KEY = b"k" * 32

Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], clock_file: ClockFile
) -> Run:
    """Run a command against the stage's database and return exit code and lines."""
    text = base64.urlsafe_b64encode(KEY).decode().rstrip("=")
    for name, value in {
        "ENVIRONMENT": "local",
        "CLOCK_FILE": str(clock_file.path),
        "AUTH_DATABASE_URL": stage.sql.url,
        "AUTH_KEY_ENCRYPTION_KEYS": text,
        "AUTH_REFRESH_MAC_KEYS": text,
    }.items():
        monkeypatch.setenv(name, value)
    clock_file.advance(NOON - Clock().now())
    with stage.auth.transaction() as stores:
        load_key_set(stores.signing_keys, KeyRing.of(KEY), bits=2048, now=NOON)

    def command(*arguments: str) -> tuple[int, list[str]]:
        capsys.readouterr()
        code = main(list(arguments))
        printed = capsys.readouterr()
        return code, (printed.out + printed.err).splitlines()

    return command


def reasons(stage: Stage) -> set[str | None]:
    with stage.sql.autocommit() as db:
        return set(db.execute(select(families.c.revoked_why)).scalars())


def events(stage: Stage) -> list[str]:
    with stage.sql.autocommit() as db:
        return list(db.execute(select(audit_events.c.event).order_by(audit_events.c.id)).scalars())


@pytest.mark.parametrize("named", ["alice", "ALICE", ALICE])
def test_a_user_is_disabled_and_enabled(stage: Stage, run: Run, named: str) -> None:
    stage.family()
    assert run("users", "disable", named) == (0, ["alice is disabled; all sign-ins have ended"])
    assert run("users", "disable", named) == (0, ["nothing to do"])
    assert reasons(stage) == {"user_disabled"}
    assert run("users", "list")[1][0].startswith(f"alice  {ALICE}  disabled since ")
    assert run("users", "enable", named) == (0, ["alice is enabled and may sign in again"])
    assert run("users", "enable", named) == (0, ["nothing to do"])
    assert run("users", "list")[1][0] == f"alice  {ALICE}  active"


def test_a_client_is_disabled_and_enabled(stage: Stage, run: Run) -> None:
    stage.family()
    assert run("clients", "disable", "app") == (0, ["app is disabled; all its sign-ins have ended"])
    assert run("clients", "disable", "app") == (0, ["nothing to do"])
    assert reasons(stage) == {"client_disabled"}
    assert run("clients", "enable", "app") == (0, ["app is enabled"])


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("users", "disable", "nobody"), "auth: users: nobody has the name or the subject nobody"),
        (("users", "enable", str(UUID(int=5))), f"auth: users: nobody has the name or the subject {UUID(int=5)}"),
        (("clients", "disable", "none"), "auth: clients: there is no none"),
        (("sessions", "list", "nobody"), "auth: users: nobody has the name or the subject nobody"),
        (("sessions", "end", str(UUID(int=5))), f"auth: sessions: there is no session or sign-in {UUID(int=5)}"),
    ],
)
def test_what_is_not_there_is_refused_in_one_line(run: Run, command: tuple[str, ...], says: str) -> None:
    assert run(*command) == (1, [says])


@pytest.mark.parametrize("command", [("users",), ("keys", "melt"), ("clients", "disable"), ("sessions", "end", "x")])
def test_bad_usage_is_exit_2(run: Run, command: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as refused:
        run(*command)
    assert refused.value.code == 2


def test_sessions_are_listed_and_ended(stage: Stage, run: Run) -> None:
    family, other = stage.family(), stage.family()
    code, lines = run("sessions", "list", "alice")
    assert code == 0 and [line.partition(" ")[0] for line in lines] == [
        str(ident) for ident in (stage.session.id, family.id, other.id)
    ]
    assert run("sessions", "end", str(family.id)) == (0, [f"sign-in {family.id} at app has ended"])
    assert run("sessions", "end", str(family.id)) == (0, ["nothing to do"])
    assert run("sessions", "end", str(stage.session.id)) == (0, [f"session {stage.session.id} has ended"])
    assert reasons(stage) == {"ended_by_operator"}, "native apps too"
    assert run("sessions", "list", "alice") == (0, ["nothing to do"])
    stage.family()
    assert run("sessions", "end-all", "alice") == (0, ["alice is signed out everywhere"])
    assert reasons(stage) == {"ended_by_operator"}


def test_keys_are_rotated_from_the_command_line(stage: Stage, run: Run) -> None:
    code, lines = run("keys", "list")
    assert code == 0 and len(lines) == 1 and "  active " in lines[0]
    assert "is announced" in run("keys", "rotate")[1][0]
    assert run("keys", "rotate")[1][0].startswith("nothing to do: "), "announced for too short a time"
    assert run("keys", "advance") == (0, ["nothing to do"])
    assert [line.split()[1] for line in run("keys", "list")[1]] == ["active", "announced"]
    code, lines = run("keys", "rotate", "--emergency")
    assert code == 0 and len(lines) == 3 and lines[-1].endswith(" is active")
    assert [line.split()[1] for line in run("keys", "list")[1]] == ["active"]
    assert run("keys", "republish")[0] == 0
    assert events(stage)[-3:] == ["signing_key_dropped", "signing_key_dropped", "signing_key_activated"]


def test_an_announced_key_becomes_active_when_it_is_time(run: Run, clock_file: ClockFile) -> None:
    run("keys", "rotate")
    clock_file.advance(timedelta(minutes=10))
    code, lines = run("keys", "rotate")
    assert code == 0 and [line.split(" is ")[1].split(":")[0] for line in lines] == ["retired", "active"]


def test_a_purge_prints_what_it_deleted(run: Run) -> None:
    code, lines = run("purge")
    assert code == 0 and "families: 0 deleted" in lines


def test_a_secret_is_rotated_without_a_gap_and_shown_once(run: Run, stage: Stage) -> None:
    with stage.sql.unit_of_work() as db:
        store = SqlConfigurationStore(db)
        metadata = {**CLIENT_METADATA, "token_endpoint_auth_method": "client_secret_basic"}
        store.put_client("web", metadata, NOON)
        store.put_client_secret("web", digest("the file's"), NOON - timedelta(hours=1))
    code, (secret,) = run("clients", "rotate-secret", "web")
    assert code == 0 and len(secret) == 43

    def good(*secrets: str) -> list[bool]:
        with stage.auth.autocommit() as stores:
            client = stores.clients.find("web")
        assert client is not None
        return [client.has_secret(one) for one in secrets]

    assert good("the file's", secret) == [True, True]
    _, shown = run("clients", "show", "web")
    assert sum(line.startswith("secret since ") for line in shown) == 2 and secret not in "".join(shown)
    assert any(line.startswith("web ") and "2 secrets  enabled" in line for line in run("clients", "list")[1])
    assert run("clients", "drop-old-secrets", "web")[0] == 0
    assert good("the file's", secret) == [False, True]
    assert run("clients", "drop-old-secrets", "web") == (0, ["nothing to do"])
    code, (refusal,) = run("clients", "rotate-secret", "app")
    assert code == 1 and "holds no secret" in refusal
    assert run("clients", "show", "nobody")[0] == 1


# ---------------------------------------------------------------- key-encryption keys

NEW_KEY = b"n" * 32


def ring_text(*keys: bytes) -> str:
    return ",".join(base64.urlsafe_b64encode(key).decode().rstrip("=") for key in keys)


def with_totp(stage: Stage) -> None:
    sealed = seal_totp_secret(KeyRing.of(KEY), UUID(ALICE), "JBSWY3DPEHPK3PXP")
    row = {"user_id": UUID(ALICE), "sealed_secret": sealed, "last_step": 0, "created_at": NOON}
    with stage.sql.unit_of_work() as db:
        db.execute(insert(totp_credentials).values(**row))
        stored = seal_hash(KeyRing.of(KEY), UUID(ALICE), "$argon2id$")
        db.execute(users.update().where(users.c.id == UUID(ALICE)).values(password_hash=stored))


def test_an_old_key_encryption_key_leaves_the_ring(stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with_totp(stage)
    codes = mint_recovery_codes(KeyRing.of(KEY))
    with stage.auth.transaction() as stores:
        stores.recovery_codes.replace(UUID(ALICE), codes.kept, NOON)
    monkeypatch.setenv("AUTH_KEY_ENCRYPTION_KEYS", ring_text(NEW_KEY, KEY))
    code, lines = run("keys", "reseal")
    assert (code, lines[:2]) == (0, ["signing keys: 1 sealed anew", "TOTP secrets: 1 sealed anew"])
    assert lines[2:4] == ["passwords: 1 sealed anew", "recovery codes: 10 sealed anew"]
    assert "may leave AUTH_KEY_ENCRYPTION_KEYS" in lines[4] and KeyRing.of(NEW_KEY).current.hex() in lines[4]
    with stage.auth.transaction() as stores:
        left = stores.recovery_codes.find(UUID(ALICE))
    assert matching_code(KeyRing.of(NEW_KEY), left, codes.shown[4]) == codes.kept[4].id
    assert run("keys", "reseal")[1][:2] == ["signing keys: 0 sealed anew", "TOTP secrets: 0 sealed anew"]
    assert events(stage).count("rows_sealed_anew") == 1
    alone = KeyRing.of(NEW_KEY)
    with stage.auth.transaction() as stores:
        load_key_set(stores.signing_keys, alone, bits=2048, now=NOON)
        credential = stores.totp.find(UUID(ALICE))
    assert credential is not None
    assert decrypt(alone, credential.sealed_secret, belongs_to=totp_label(UUID(ALICE))) == b"JBSWY3DPEHPK3PXP"


def test_a_row_that_cannot_be_opened_stays_and_is_told(stage: Stage, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with_totp(stage)
    sealed = seal_totp_secret(KeyRing.of(b"x" * 32), UUID(BOB), "JBSWY3DPEHPK3PXP")
    with stage.sql.unit_of_work() as db:
        row = {"user_id": UUID(BOB), "sealed_secret": sealed, "last_step": 0, "created_at": NOON}
        db.execute(insert(totp_credentials).values(**row))
    monkeypatch.setenv("AUTH_KEY_ENCRYPTION_KEYS", ring_text(NEW_KEY, KEY))
    code, lines = run("keys", "reseal")
    assert code != 0 and "TOTP secrets: 1 sealed anew" in lines[0] and "1 rows stay as they were" in lines[0]
    with stage.auth.transaction() as stores:
        assert (found := stores.totp.find(UUID(BOB))) is not None and found.sealed_secret == sealed


def test_no_sealed_column_is_forgotten() -> None:
    named = {column for table in metadata.tables.values() for column in table.columns if "sealed" in column.name}
    by_the_browser = {step_answers.c.sealed}  # under a key made of its cookie, for a minute (ADR-0062)
    assert named - by_the_browser | {users.c.password_hash} == {each.sealed for each in SEALED}
