"""The link of the first administrator is printed until one has been in, and never again (ADR-0117)."""

from uuid import UUID

from services.auth.storage.tables import users
from shared.testing import ALICE
from tests.contracts.auth.conftest import NOON, Stage
from tests.contracts.auth.test_commands import Run, run

__all__ = ["run"]


def test_the_link_is_printed_until_an_administrator_has_been_in(stage: Stage, run: Run) -> None:
    for _ in range(2):
        code, lines = run("users", "invite", "--admin", "--first")
        assert code == 0 and lines[1].startswith("http://localhost:9000/invitation?token=")
    with stage.sql.unit_of_work() as db:
        db.execute(users.update().where(users.c.username == "admin").values(activated_at=NOON))
    assert run("users", "invite", "--admin", "--first") == (0, ["nothing to do"])
    run("users", "disable", "admin")
    assert run("users", "invite", "--admin", "--first") == (0, ["nothing to do"]), "a closed door stays closed"


def test_roles_that_only_look_like_it_do_not_count(stage: Stage, run: Run) -> None:
    with stage.sql.unit_of_work() as db:
        changed = users.update().where(users.c.id == UUID(ALICE))
        db.execute(changed.values(activated_at=NOON, roles=["administrator", 'x"admin"x', "adm%"]))
    assert len(run("users", "invite", "--admin", "--first")[1]) == 2


def test_first_is_of_administrators_alone(run: Run) -> None:
    assert run("users", "invite", "dinah", "--first")[0] == 1


def test_somebody_who_is_called_admin_already_does_not_keep_production_from_starting(run: Run) -> None:
    assert run("users", "create", "admin", "--name", "Adam Min")[0] == 0
    run("users", "disable", "admin")
    code, lines = run("users", "invite", "--admin", "--first")
    assert code == 0 and "by hand" in lines[0]
