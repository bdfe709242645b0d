"""The app on the real provider, its sign-in bound to its key (RFC 9449): nonces, a wrong clock, a stolen store."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from mobile.authorization import Registration
from mobile.client import MobileClient
from mobile.errors import ProviderError, SignInRequired, StoreError
from mobile.keychain import KeyringStore
from mobile.store import FileStore, TokenStore
from shared.testing import SettableClock, parts
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, start
from tests.integration.auth.seeds import ALICE
from tests.unit.mobile.keychains import Keychain

Install = Callable[..., MobileClient]


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    (tmp_path / "auth").mkdir()
    running = start(tmp_path / "auth", clock)
    yield running
    stop(running)


def registration(provider: Provider, *, bind: bool = True) -> Registration:
    return Registration(
        provider.settings.issuer, redirect_uri="myapp://callback", scope="openid profile offline_access", bind=bind
    )


@pytest.fixture
def install(provider: Provider, tmp_path: Path, clock: SettableClock) -> Install:
    """Install an app on a store; its clock may be another one than the provider's."""

    def _install(store: TokenStore | None = None, own_clock: SettableClock = clock) -> MobileClient:
        kept = store or FileStore(registration(provider), tmp_path / "tokens.json")
        return MobileClient(registration(provider), kept, provider.restarted().http, own_clock)

    return _install


def sign_in(app: MobileClient, provider: Provider) -> None:
    browser = provider.browser()
    page = browser.follow(browser.get(app.begin_sign_in()))
    answer = browser.enter_password(page, ALICE)
    app.finish_sign_in(answer.headers["location"])


def test_a_sign_in_is_bound_to_a_key_that_only_its_user_can_read(
    install: Install, provider: Provider, tmp_path: Path
) -> None:
    app = install()
    sign_in(app, provider)
    tokens = app.tokens()
    assert tokens is not None and tokens.bound
    assert "cnf" in parts(tokens.access_token)[1]
    assert (tmp_path / "tokens.json.key").stat().st_mode & 0o777 == 0o600
    assert app.userinfo()["name"]
    assert app.refresh().bound
    assert app.sign_out()
    assert not (tmp_path / "tokens.json.key").exists()


@pytest.mark.parametrize("off_by", [timedelta(days=1), timedelta(days=-1)])
def test_an_app_whose_clock_is_off_by_a_day_stays_signed_in(
    install: Install, provider: Provider, clock: SettableClock, off_by: timedelta
) -> None:
    sign_in(install(), provider)
    late = install(own_clock=SettableClock(clock.now() + off_by))
    assert late.refresh().bound
    assert late.userinfo()["sub"]


def test_who_has_the_store_but_not_the_key_gets_nothing(
    install: Install, provider: Provider, tmp_path: Path, clock: SettableClock
) -> None:
    owner = install()
    sign_in(owner, provider)
    stolen = FileStore(registration(provider), tmp_path / "thief" / "tokens.json")
    (tmp_path / "thief").mkdir(mode=0o700)
    shutil.copy(tmp_path / "tokens.json", tmp_path / "thief" / "tokens.json")
    thief = install(stolen)
    with pytest.raises(SignInRequired, match="key"):
        thief.refresh()
    with stolen.lock():
        thief._prover.thumbprint()  # a key of their own
    with pytest.raises(ProviderError, match="invalid_dpop_proof"):
        thief.refresh()
    with pytest.raises(ProviderError):
        thief.userinfo()
    clock.advance(minutes=20)
    assert owner.refresh().bound, "nobody was signed out"


def test_a_lost_answer_is_retried_hours_later_with_a_proof_of_its_own(
    install: Install, provider: Provider, clock: SettableClock
) -> None:
    app = install()
    sign_in(app, provider)
    before = app.tokens()
    assert before is not None
    app.refresh()
    with app._store.lock():  # as if the answer had never come
        contents = app._store.load()
        app._store.save(type(contents)(before, contents.pending, contents.to_revoke))
    clock.advance(hours=9)
    assert app.refresh().bound


def test_the_keychain_keeps_the_key_and_forgets_it_at_sign_out(
    install: Install, provider: Provider, tmp_path: Path
) -> None:
    keychain = Keychain()
    app = install(KeyringStore(registration(provider), tmp_path, keychain))
    sign_in(app, provider)
    assert app.refresh().bound
    assert app.sign_out()
    assert not keychain.entries


def test_a_key_that_others_can_read_or_that_was_changed_is_not_used(
    install: Install, provider: Provider, tmp_path: Path
) -> None:
    app = install()
    sign_in(app, provider)
    key = tmp_path / "tokens.json.key"
    key.chmod(0o644)
    with pytest.raises(StoreError, match="read by others"):
        app.refresh()
    key.chmod(0o600)
    key.write_text("nonsense")
    with pytest.raises(StoreError, match="damaged"):
        app.refresh()
    assert app.sign_out()
    assert not key.exists()


def test_a_provider_that_takes_no_proofs_is_sent_none(provider: Provider, tmp_path: Path, clock: SettableClock) -> None:
    sent: list[httpx2.Request] = []
    plain = provider.restarted().http

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        response = plain.request(request.method, str(request.url), content=request.content, headers=request.headers)
        document = response.json()
        document.pop("dpop_signing_alg_values_supported", None)
        return httpx2.Response(response.status_code, json=document)

    store = FileStore(registration(provider), tmp_path / "tokens.json")
    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http:
        app = MobileClient(registration(provider), store, http, clock)
        sign_in(app, provider)
        tokens = app.tokens()
        assert tokens is not None and not tokens.bound
        assert app.userinfo()["sub"]
    assert not any("dpop" in request.headers for request in sent)
    assert not (tmp_path / "tokens.json.key").exists()
