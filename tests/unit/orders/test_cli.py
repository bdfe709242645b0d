from pathlib import Path

import pytest

from services.orders.cli import main
from services.orders.lifecycle import OrderStatus
from services.orders.storage.orders import SqlOrders
from shared.api.listing import Listing
from shared.api.reach import Reach
from shared.database import Database
from tests.support.databases import migrated

LOCAL = Path(__file__).parents[3] / "config" / "local.yaml"


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'orders.sqlite3'}"
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("ORDERS_DATABASE_URL", url)
    migrated("orders", url).dispose()
    return url


def test_the_local_seeds_are_added_once(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["apply", str(LOCAL), "--plan"]) == main(["apply", str(LOCAL)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[:3] == told[3:]
    assert told[0] == "order 0190a1b0-0000-7000-8000-00000000d001: added"
    assert main(["apply", str(LOCAL)]) == 0
    assert capsys.readouterr().out == "nothing to do\n"
    database = Database(url)
    orders = SqlOrders(database).page(Reach(everyone=True), Listing(), 10, None).items
    database.dispose()
    assert {order.status for order in orders} == {OrderStatus.DRAFT}
    assert sorted(order.details.total_minor for order in orders) == [4500, 8999, 9580]


def test_a_changed_line_is_a_changed_order(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["apply", str(LOCAL)])
    changed = tmp_path / "changed.yaml"
    changed.write_text(LOCAL.read_text(encoding="utf-8").replace("quantity: 12", "quantity: 6"), encoding="utf-8")
    capsys.readouterr()
    assert main(["apply", str(changed)]) == 0
    assert capsys.readouterr().out == "order 0190a1b0-0000-7000-8000-00000000d001: changed\n"


def test_a_bad_seed_is_one_clear_line(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text(LOCAL.read_text(encoding="utf-8").replace("currency: EUR", "currency: XXX"), encoding="utf-8")
    assert main(["apply", str(bad)]) == 1
    assert "orders.orders.0.currency" in capsys.readouterr().err
