"""What the app drops is ended: at once, or as soon as the provider can be reached."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mobile.challenge import StepUp
from mobile.contents import Contents
from mobile.errors import MobileError, Offline, ProviderError, SignInRefused, StoreError
from mobile.faults import KilledError
from mobile.store import FileStore
from tests.unit.mobile.conftest import FullDisk, Installed, waiting


def test_second_sign_in_ends_the_first(app: Installed) -> None:
    app.sign_in()
    app.provider.next_generation = 40
    app.sign_in()

    assert app.provider.revoked == ["refresh-secret-1"]
    assert waiting(app) == []
    tokens = app.client.tokens()
    assert tokens is not None
    assert tokens.refresh_token == "refresh-secret-40"


def test_first_sign_in_is_ended_by_a_later_refresh_if_the_provider_failed_meanwhile(app: Installed) -> None:
    app.sign_in()
    app.provider.next_generation = 40
    app.provider.failures["/revoke"] = [httpx2.Response(503)]
    app.sign_in()
    assert waiting(app) == ["refresh-secret-1"]

    app.provider.ends_by_revocation = False
    app.client.refresh()
    assert app.provider.revoked == ["refresh-secret-1"]
    assert waiting(app) == []


@pytest.mark.parametrize(
    ("claims", "answer"),
    [
        ({"nonce": "another"}, {}),
        ({"exp": 1}, {}),
        ({"aud": "another-app"}, {}),
        ({}, {"id_token": None}),
        ({}, {"id_token": "x"}),
        ({}, {"token_type": "mac"}),
        ({}, {"expires_in": "300"}),
        ({}, {"access_token": None}),
        ({}, {"scope": 1}),
    ],
)
def test_sign_in_that_fails_after_its_code_was_redeemed_leaves_no_live_token(
    app: Installed, claims: dict[str, Any], answer: dict[str, Any]
) -> None:
    app.provider.id_token_claims, app.provider.token_answer = claims, answer

    with pytest.raises(ProviderError):
        app.sign_in()

    assert app.provider.revoked == ["refresh-secret-1"]
    assert app.store.load() == Contents()


def test_sign_in_whose_keys_cannot_be_fetched_leaves_no_live_token(app: Installed) -> None:
    app.provider.failures["/jwks"] = [httpx2.Response(503)]

    with pytest.raises(Offline):
        app.sign_in()

    assert app.provider.revoked == ["refresh-secret-1"]


def test_without_refresh_token_the_access_token_is_revoked(app: Installed) -> None:
    app.provider.token_answer = {"refresh_token": None}
    app.provider.id_token_claims = {"nonce": "another"}

    with pytest.raises(ProviderError):
        app.sign_in()

    (revoked,) = app.provider.revoked
    assert revoked.startswith("access-")


def test_failed_second_sign_in_ends_itself_and_leaves_the_first_alone(app: Installed) -> None:
    app.sign_in()
    before = app.client.tokens()
    app.provider.next_generation = 40
    app.provider.id_token_claims = {"nonce": "another"}

    with pytest.raises(ProviderError):
        app.sign_in()

    assert app.provider.revoked == ["refresh-secret-40"]
    assert app.client.tokens() == before


@pytest.mark.parametrize("saves", [0, 1])
def test_sign_in_that_is_killed_before_it_is_kept_is_ended_at_the_next_start(
    install: Callable[..., Any], provider: Any, saves: int
) -> None:
    """Killed before the very first save, nobody holds the token; after it, it is known and revoked."""

    class DiesInRedemption(FileStore):
        saves_left = 1_000

        def save(self, contents: Contents) -> None:
            if self.saves_left == 0:
                raise KilledError
            self.saves_left -= 1
            super().save(contents)

    app = install(store_class=DiesInRedemption)
    redirect = provider.authorize(app.client.begin_sign_in())
    app.store.saves_left = 1 + saves  # one removes the waiting sign-in, before the code is sent
    with pytest.raises(KilledError):
        app.client.finish_sign_in(redirect)

    restarted = install()
    assert restarted.client.tokens() is None
    assert restarted.client.end_dropped()
    assert provider.revoked == ["refresh-secret-1"] * saves


def test_sign_in_that_cannot_be_kept_is_ended_at_once(install: Callable[..., Any], provider: Any) -> None:
    app = install(store_class=FullDisk)
    redirect = provider.authorize(app.client.begin_sign_in())
    pending = app.client._take_pending

    def disk_fills(callback: Any) -> Any:
        found = pending(callback)
        app.store.full = True
        return found

    app.client._take_pending = disk_fills
    with pytest.raises(StoreError, match="No space"):
        app.client.finish_sign_in(redirect)

    assert provider.revoked == ["refresh-secret-1"]


def test_one_token_that_the_provider_refuses_does_not_keep_the_others(app: Installed) -> None:
    now = app.clock.now()
    app.store.save(Contents().dropping("first-secret", now).dropping("second-secret", now))
    app.provider.failures["/revoke"] = [httpx2.Response(400, json={"error": "unsupported_token_type"})]

    assert not app.client.end_dropped()
    assert app.provider.revoked == ["second-secret"]
    assert waiting(app) == ["first-secret"]


def test_provider_that_is_away_is_asked_once(app: Installed) -> None:
    now = app.clock.now()
    app.store.save(Contents().dropping("first-secret", now).dropping("second-secret", now))
    app.provider.failures["/revoke"] = [httpx2.Response(503)]

    assert not app.client.end_dropped()
    assert app.provider.seen["/revoke"] == 1


def test_token_that_has_run_out_long_ago_is_forgotten_unasked(app: Installed) -> None:
    app.store.save(Contents().dropping("first-secret", app.clock.now()))
    app.clock.advance(days=181)

    assert app.client.end_dropped()
    assert app.provider.revoked == []
    assert app.store.load() == Contents()


def test_nothing_dropped_asks_nobody(app: Installed) -> None:
    assert app.client.end_dropped()
    assert app.provider.seen == {}


def test_step_up_by_somebody_else_is_refused_and_ended(app: Installed) -> None:
    """The action that wanted the step-up would else be done as another person."""
    app.sign_in()
    before = app.client.tokens()
    url = app.client.begin_sign_in(step_up=StepUp("urn:company:acr:mfa", 300))
    app.provider.next_generation = 40
    app.provider.id_token_claims = {"sub": "mallory"}

    with pytest.raises(SignInRefused, match="somebody else"):
        app.client.finish_sign_in(app.provider.authorize(url))

    assert app.provider.revoked == ["refresh-secret-40"]
    assert app.client.tokens() == before


def test_step_up_by_the_same_person_replaces_and_ends_the_weaker_sign_in(app: Installed) -> None:
    app.sign_in()
    url = app.client.begin_sign_in(step_up=StepUp("urn:company:acr:mfa", 300))
    app.provider.next_generation = 40

    assert "acr_values=urn%3Acompany%3Aacr%3Amfa&max_age=300" in url
    assert app.client.finish_sign_in(app.provider.authorize(url)).refresh_token == "refresh-secret-40"
    assert app.provider.revoked == ["refresh-secret-1"]


def test_no_error_is_hidden_by_the_revocation_that_follows_it(app: Installed) -> None:
    app.provider.id_token_claims = {"nonce": "another"}
    app.provider.failures["/revoke"] = [httpx2.Response(500)]

    with pytest.raises(MobileError, match="nonce"):
        app.sign_in()
    assert waiting(app) == ["refresh-secret-1"]


def test_full_disk_stops_a_refresh_before_the_provider_rotates(install: Callable[..., Any], provider: Any) -> None:
    """Rotated and not saved, it would be reuse once the provider's window has passed."""
    app = install(store_class=FullDisk)
    app.sign_in()
    app.clock.advance(minutes=6)
    app.store.full = True

    for _ in range(3):
        with pytest.raises(StoreError, match="No space"):
            app.client.refresh()
    assert provider.seen["rotations"] == 0

    app.store.full = False
    assert app.client.refresh().refresh_token == "refresh-secret-2"
