"""`users`: people are made, shown, unlocked and erased from the command line (ADR-0090)."""

import io
import json
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from services.auth.accounts.failure_budget import Contender, begin
from services.auth.accounts.password import hash_password, verify_password
from services.auth.accounts.recovery_codes import RecoveryCode
from services.auth.accounts.sealed_password import open_hash
from services.auth.accounts.user import User
from services.auth.keys.key_ring import KeyRing
from services.auth.opaque_token import digest
from services.auth.storage.people import NOBODY
from services.auth.storage.tables import audit_events, families, totp_credentials, users
from shared.testing import ALICE
from tests.contracts.auth.conftest import NOON, Stage
from tests.contracts.auth.test_commands import KEY, Run, events, reasons, run

__all__ = ["run"]

PASSWORD = "a-teapot-full-of-rain"

Typed = Callable[[str], None]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Type a line into the next command."""

    def into(line: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(line + "\n"))

    return into


def user(stage: Stage, name: str) -> User:
    with stage.auth.autocommit() as stores:
        found = stores.users.find_for_sign_in(name)
    assert found is not None, name
    return found


def has_password(user: User) -> bool:
    assert user.password_hash is not None and "argon2" not in user.password_hash, "sealed"
    return verify_password(PASSWORD, open_hash(KeyRing.of(KEY), user.id, user.password_hash))


def test_a_user_without_a_password_is_invited(stage: Stage, run: Run) -> None:
    code, lines = run("users", "create", "Dinah", "--email", "Dinah@Company.example", "--name", "Dinah  Cat")
    dinah = user(stage, "dinah")
    assert (code, lines) == (0, [f"dinah is invited: {dinah.id}"])
    assert (dinah.email, dinah.verified_email, dinah.display_name) == ("Dinah@company.example", None, "Dinah  Cat")
    assert any(line.startswith(f"dinah  {dinah.id}  invited since 2030-01-01T12:0") for line in run("users", "list")[1])
    assert events(stage)[-1] == "user_created"


def test_a_password_comes_by_standard_input_and_makes_its_user_active(stage: Stage, run: Run, typed: Typed) -> None:
    typed(PASSWORD)
    assert run("users", "create", "dinah", "--password-stdin", "--role", "manager", "--team", "sales")[0] == 0
    dinah = user(stage, "dinah")
    assert has_password(dinah)
    assert (dinah.state, dinah.roles, dinah.team) == ("active", ("manager",), "sales")
    typed(hash_password(PASSWORD))
    assert run("users", "create", "lacie", "--password-hash-stdin")[0] == 0
    assert has_password(user(stage, "lacie"))


@pytest.mark.parametrize(
    ("line", "option"),
    [("short", "--password-stdin"), ("x" * 1025, "--password-stdin"), ("$2b$12$abc", "--password-hash-stdin"),
     ("$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g", "--password-hash-stdin")],
)  # fmt: skip
def test_what_cannot_be_a_password_is_refused(run: Run, typed: Typed, line: str, option: str) -> None:
    typed(line)
    code, lines = run("users", "create", "dinah", option)
    assert code == 1 and len(lines) == 1 and line not in lines[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("",),
        ("a\u202eb",),
        ("a\x1b[2Jb",),
        ("x" * 201,),
        ("\u0301" * 10_800,),
        ("dinah", "--email", "dinah"),
        ("dinah", "--email", "Dinah <dinah@company.example>"),
        ("dinah", "--email", "dinah@company.example\nBcc: all@company.example"),
        ("dinah", "--name", "Dinah\u202e"),
        ("dinah", "--name", "n" * 201),
        ("dinah", "--team", ""),
    ],
)
def test_names_and_addresses_that_nobody_can_read_are_refused(run: Run, arguments: tuple[str, ...]) -> None:
    code, lines = run("users", "create", *arguments)
    assert code == 1 and len(lines) == 1 and lines[0].startswith("auth: users: ")


def test_a_name_or_address_by_which_somebody_signs_in_is_nobody_elses(stage: Stage, run: Run) -> None:
    assert run("users", "create", "dinah", "--email", "dinah@company.example", "--email-verified")[0] == 0
    assert user(stage, "dinah@company.example").username == "dinah"
    taken = (1, ["auth: users: this user name is another user's"])
    assert run("users", "create", "ALICE") == taken
    assert run("users", "create", "DINAH@company.example") == taken, "or its owner could not sign in by it"
    assert run("users", "create", "lacie", "--email", "\uff24inah@company.example") == (
        1,
        ["auth: users: this e-mail address is another user's"],
    )


def test_the_database_itself_keeps_a_verified_address_unique(stage: Stage, run: Run) -> None:
    run("users", "create", "dinah", "--email", "dinah@company.example", "--email-verified")
    run("users", "create", "lacie")
    with pytest.raises(Exception, match=r"(?i)unique"), stage.sql.unit_of_work() as db:
        db.execute(
            users.update()
            .where(users.c.username == "lacie")
            .values(email="x", email_key="dinah@company.example", email_verified_at=NOON)
        )


def test_a_user_is_shown_without_a_secret(stage: Stage, run: Run, typed: Typed) -> None:
    typed(PASSWORD)
    run("users", "create", "dinah", "--password-stdin", "--email", "dinah@company.example")
    code, (line,) = run("users", "show", "dinah", "--json")
    shown = json.loads(line)
    assert code == 0 and shown["password"] is True and "argon2" not in line
    assert (shown["state"], shown["email"], shown["email_verified"]) == ("active", "dinah@company.example", False)
    assert "state           active" in run("users", "show", "dinah")[1]
    everybody = json.loads(run("users", "list", "--json")[1][0])
    assert [each["username"] for each in everybody] == ["alice", "bob", "dinah"]


def test_a_user_who_has_failed_often_is_unlocked(stage: Stage, run: Run) -> None:
    with stage.auth.transaction() as stores:
        for network in ("192.0.2.1", "198.51.100.7"):
            for _ in range(5):
                begin(stores.budgets, Contender("alice", network, None), NOON)
    assert run("users", "unlock", "alice") == (0, ["alice may try again at once"])
    assert run("users", "unlock", "alice") == (0, ["nothing to do"])
    assert events(stage)[-1] == "user_unlocked"


def test_a_second_factor_is_removed_and_ends_all(stage: Stage, run: Run) -> None:
    stage.family()
    assert run("users", "reset-mfa", "alice") == (0, ["nothing to do"])
    with stage.sql.unit_of_work() as db:
        db.execute(
            insert(totp_credentials).values(user_id=UUID(ALICE), sealed_secret=b"sealed", last_step=0, created_at=NOON)
        )
    code, (line,) = run("users", "reset-mfa", "alice")
    assert code == 0 and line == "alice has no second factor any more; all sign-ins have ended"
    assert reasons(stage) == {"second_factor_reset"} and not user(stage, "alice").has_totp


def test_a_reset_takes_the_recovery_codes_too(stage: Stage, run: Run) -> None:
    with stage.auth.transaction() as stores:
        stores.recovery_codes.replace(UUID(ALICE), [RecoveryCode(UUID(int=1), b"sealed")], NOON)
    assert json.loads(run("users", "show", "alice", "--json")[1][0])["recovery_codes"] == 1
    assert run("users", "reset-mfa", "alice")[0] == 0
    with stage.auth.transaction() as stores:
        assert stores.recovery_codes.count(UUID(ALICE)) == 0


def test_a_deleted_user_leaves_a_subject_and_nothing_personal(stage: Stage, run: Run) -> None:
    run("users", "create", "dinah", "--email", "dinah@company.example", "--email-verified", "--name", "Dinah Cat")
    stage.family()
    code, (line,) = run("users", "delete", "alice")
    assert code == 0 and line.startswith("alice is deleted; all sign-ins have ended")
    assert reasons(stage) == {"user_deleted"}
    assert run("users", "delete", ALICE)[0] == 1, "nobody has it any more"
    with stage.sql.autocommit() as db:
        family = db.execute(select(families)).mappings().one()
        trail = db.execute(select(audit_events.c.event, audit_events.c.user_id)).all()
        assert db.execute(select(users.c.username).order_by(users.c.username)).scalars().all() == [
            "bob", f"deleted-{NOBODY}", "dinah",
        ]  # fmt: skip
    assert (family["user_id"], family["device_label"], family["last_network"]) == (NOBODY, None, "")
    known = {event: user_id for event, user_id in trail if event in {"user_deleted", "session_ended"}}
    assert known.keys() == {"user_deleted", "session_ended"} and len(set(known.values())) == 1
    assert not {UUID(ALICE), NOBODY} & {user_id for _, user_id in trail}
    assert [each["username"] for each in json.loads(run("users", "list", "--json")[1][0])] == ["bob", "dinah"]
    assert run("users", "create", "alice")[0] == 0, "the name is free again, for another subject"
    assert user(stage, "alice").id != UUID(ALICE)
    assert run("users", "delete", "bob")[0] == 0, "a second one too"


def test_an_invitation_is_printed_and_a_second_one_ends_the_first(stage: Stage, run: Run) -> None:
    code, lines = run("users", "invite", "Dinah", "--email", "dinah@company.example", "--role", "manager")
    assert code == 0 and lines[0] == "dinah is invited. This link is good once, for 7 days:"
    assert run("users", "invite", "dinah", "--admin")[0] == 0
    dinah = user(stage, "dinah")
    assert (dinah.state, dinah.roles, dinah.email) == ("invited", ("manager", "admin"), "dinah@company.example")
    first, second = lines[1], run("users", "invite", "dinah")[1][1]
    assert first.startswith("http://localhost:9000/invitation?token=") and first != second
    with stage.auth.autocommit() as stores:
        soon = NOON + timedelta(minutes=5)
        good = [stores.links.find(digest(each.partition("=")[2]), soon) is not None for each in (first, second)]
    assert good == [False, True]
    assert events(stage).count("user_invited") == 3


def test_the_first_administrator_is_invited_without_a_name(stage: Stage, run: Run) -> None:
    assert run("users", "invite")[0] == 1
    code, lines = run("users", "invite", "--admin")
    assert code == 0 and lines[0].startswith("admin is invited")
    assert user(stage, "admin").roles == ("admin",)


def test_who_is_in_is_offered_a_reset_and_no_invitation(stage: Stage, run: Run) -> None:
    assert run("users", "invite", "alice") == (
        1, ["auth: users: alice is active; see `users reset-password` and `users enable`"]
    )  # fmt: skip
    code, lines = run("users", "reset-password", "alice")
    assert code == 0 and lines[1].startswith("http://localhost:9000/reset?token=")
    assert events(stage)[-1] == "password_reset_offered"
    run("users", "disable", "alice")
    assert run("users", "reset-password", "alice")[0] == 1
    with stage.auth.autocommit() as stores:
        assert stores.links.find(digest(lines[1].partition("=")[2]), NOON + timedelta(minutes=5)) is None, (
            "disabling ended it"
        )
