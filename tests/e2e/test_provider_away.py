"""The provider stops; the APIs go on."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from mobile.errors import Offline
from mobile.simulator import ALICE, BOB
from shared.testing import FakeIssuer
from tests.e2e.phones import Phones, Wire, names, tokens_of
from tests.e2e.processes import serving
from tests.support.ports import free_ports
from tests.support.stack import SERVICES, running_stack, stack_environment_for


@pytest.fixture
def settings() -> dict[str, str]:
    return {f"{name.upper()}_PORT": str(port) for name, port in zip(SERVICES, free_ports(3), strict=True)}


@pytest.fixture
def lonely(tmp_path: Path, settings: dict[str, str], http: httpx2.Client) -> Iterator[Wire]:
    """A suite of this test's own, whose parts it may stop."""
    with running_stack(tmp_path / "stack", settings) as stack:
        yield Wire(stack, http)


def test_the_apis_go_on_without_the_provider(lonely: Wire, tmp_path: Path, settings: dict[str, str]) -> None:
    stack, phones = lonely.stack, Phones(lonely.stack, tmp_path)
    app, other = phones.signed_in(ALICE), phones.signed_in(BOB)
    seen_before, fresh = tokens_of(app), tokens_of(other)
    assert lonely.contacts(seen_before.access_token).status_code == 200
    assert lonely.orders(seen_before.access_token).status_code == 200
    stack.stop("auth")

    for access_token in (seen_before.access_token, fresh.access_token):  # seen before or not
        assert lonely.contacts(access_token).status_code == 200
        assert lonely.orders(access_token).status_code == 200
    forger = FakeIssuer(stack.auth)
    bad: list[str | None] = [
        None,
        "nonsense",
        fresh.id_token,
        forger.forged(fresh.access_token),
        forger.unsigned(fresh.access_token),
        forger.access_token(),  # its kid is unknown, and nobody is there to be asked
    ]
    for bad_token in bad:
        for answer in (lonely.contacts(bad_token), lonely.orders(bad_token)):
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")

    # a restarted API has kept a copy of the keys
    stack.stop("crm")
    environment = stack_environment_for(stack.data, settings)
    with serving("crm", environment, tmp_path / "crm.log"):
        assert "Mad Hatter" in names(lonely.contacts(seen_before.access_token))
        assert lonely.contacts(forger.forged(seen_before.access_token)).status_code == 401

    # the app keeps its tokens, and goes on once the provider is back
    stack.advance(931)
    assert lonely.orders(seen_before.access_token).status_code == 401
    with pytest.raises(Offline):
        app.client.get(f"{stack.orders}/api/orders")
    assert tokens_of(app) == seen_before
    with serving("auth", environment, tmp_path / "auth.log"):
        assert app.client.get(f"{stack.orders}/api/orders").status_code == 200
    phones.close()
