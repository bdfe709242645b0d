"""What somebody does to the mail of everybody else, from an account of their own (ADR-0093, ADR-0119)."""

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.auth.mail.message import compose
from services.auth.mail.outbox import queue_verification
from services.auth.storage.tables import mails
from shared.testing import SettableClock
from tests.integration.auth.account import act, form_token, sign_in_to
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, error_of, start
from tests.integration.auth.seeds import ALICE
from tests.integration.auth.test_mail import ask, deliver, settings
from tests.support.mail_server import Mailbox, mail_server
from tests.support.ports import free_ports

#: `email` reads its local part as an encoded word, and refuses it in a header.
POISON = "=?utf-8?q?x?=@attacker.example"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock, mailbox: Mailbox) -> Iterator[Provider]:
    port = free_ports(1)[0]
    running = start(tmp_path, clock, **settings(port))
    with mail_server(mailbox, port=port, utf8=False):
        yield running
    stop(running)


def outcome_of(provider: Provider, kind: str) -> str | None:
    with provider.database.autocommit() as db:
        found: str | None = db.execute(select(mails.c.outcome).where(mails.c.kind == kind)).scalar_one()
    return found


def ask_for(provider: Provider, address: str) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    act(browser, "/account/email", "send-verification", email=address)


def queue_poison(provider: Provider) -> None:
    """Queue what the page refuses by now: it may wait since an older release."""
    with provider.context.database.transaction() as stores:
        alice = stores.users.find_by_username(ALICE[0])
        assert alice is not None and queue_verification(stores, alice.id, POISON, provider.clock.now())


def test_an_address_in_another_script_stops_no_mail_of_a_server_without_smtputf8(
    provider: Provider, mailbox: Mailbox
) -> None:
    ask_for(provider, "a@bücher.example")
    ask(provider.browser(), "bob")
    deliver(provider)
    assert {"a@xn--bcher-kva.example", "bob@company.localhost"} <= set(mailbox.recipients)


def test_a_message_that_needs_smtputf8_is_refused_for_good_and_the_others_go_on(
    provider: Provider, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needy(*arguments: Any, to: str, **more: Any) -> EmailMessage:
        message = compose(*arguments, to=to, **more)
        if to == "new@company.example":
            message.replace_header("To", "ñ@company.example")
        return message

    monkeypatch.setattr("services.auth.mail.delivery.compose", needy)
    ask_for(provider, "new@company.example")
    ask(provider.browser(), "bob")
    deliver(provider)
    assert outcome_of(provider, "verification") == "refused"
    assert "bob@company.localhost" in mailbox.recipients


def test_an_address_that_no_header_can_hold_is_refused_where_it_is_typed(provider: Provider) -> None:
    browser = provider.browser()
    sign_in_to(browser, "/account", ALICE)
    form = {"csrf": form_token(browser), "email": POISON, "action": "send-verification"}
    refused = browser.http.post("/account/email", data=form)
    assert (refused.status_code, error_of(refused)) == (400, "Mail cannot be sent to that address.")


def test_a_poisoned_mail_holds_up_nobody_and_is_given_up(provider: Provider, mailbox: Mailbox) -> None:
    queue_poison(provider)
    ask(provider.browser(), "bob")
    deliver(provider)
    assert mailbox.recipients == ["bob@company.localhost"]
    provider.clock.advance(hours=25)
    deliver(provider)
    assert outcome_of(provider, "verification") == "given_up"


def test_a_poisoned_mail_leaves_no_address_in_the_log(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    queue_poison(provider)
    deliver(provider)
    assert "attempt 1" in caplog.text and "attacker" not in caplog.text
