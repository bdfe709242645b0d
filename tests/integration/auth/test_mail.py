"""Mail: queued with what it tells of, sent once, never waited for, and no hint whether somebody exists (ADR-0093)."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from services.auth.accounts.email_address import parse_email_address
from services.auth.accounts.people import NewUser
from services.auth.mail.delivery import MailDelivery
from services.auth.mail.outbox import MOST_RESETS
from services.auth.provisioning.people import invite_user, reset_second_factor
from services.auth.storage.tables import mails
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Browser, Provider, code_of, start
from tests.support.mail_server import Mailbox, mail_server, server_certificate
from tests.support.ports import free_ports

NEW = "seven-teapots-in-a-tree"


@pytest.fixture
def port() -> int:
    return free_ports(1)[0]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def provider(tmp_path: Path, clock: SettableClock, port: int) -> Iterator[Provider]:
    running = start(tmp_path, clock, **settings(port))
    yield running
    stop(running)


def settings(port: int, **changes: Any) -> dict[str, Any]:
    return {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_security": "none",
        "mail_from": "sign-in@company.example",
        **changes,
    }


def delivery_of(provider: Provider) -> MailDelivery:
    assert provider.context.mail_delivery is not None
    return provider.context.mail_delivery


def deliver(provider: Provider) -> int:
    """Send all that is due, and return how many rows were claimed."""
    claimed = 0
    while found := delivery_of(provider).deliver_due():
        claimed += found
    return claimed


def ask(browser: Browser, typed: str) -> Any:
    return browser.submit(browser.get("/forgot"), email=typed, action="send-link")


def link_in(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(r"http://localhost:9000(/[\w-]+\?token=[\w-]{43})\s", body.get_content())
    assert found, body.get_content()
    return found[1]


def outcomes(provider: Provider) -> dict[str | None, int]:
    with provider.database.autocommit() as db:
        found = db.execute(select(mails.c.outcome, func.count()).group_by(mails.c.outcome))
        return {row[0]: row[1] for row in found}


def invite(provider: Provider, number: int) -> None:
    name = f"guest-{number}"
    new = NewUser(
        UUID(int=10_000 + number), name, None, parse_email_address(f"{name}@company.example"), email_verified=False,
        password_hash=None, team=None, roles=(), created_at=provider.clock.now(),
    )  # fmt: skip
    with provider.context.database.transaction() as stores:
        assert invite_user(stores, new, by_mail=True) is None


def test_a_forgotten_password_is_chosen_anew_by_a_link_in_the_mail(
    provider: Provider, browser: Browser, mailbox: Mailbox, port: int
) -> None:
    page = ask(browser, "Alice@company.localhost ")
    assert 'id="link-sent"' in page.text and mailbox.messages == [], "no answer waits for a mail"
    with mail_server(mailbox, port=port):
        assert deliver(provider) == 1
        (message,) = mailbox.messages
        assert (message["To"], message["From"]) == ("alice@company.localhost", "Company <sign-in@company.example>")
        html = message.get_body(("html",))
        assert html is not None and link_in(message).partition("=")[2] in html.get_content()
        page = browser.submit(browser.get(link_in(message)), **{"new-password": NEW, "action": "set-password"})
        assert 'id="password-set"' in page.text
        assert deliver(provider) == 1
    assert "Your password at Company was changed" in mailbox.messages[1]["Subject"]
    assert code_of(browser.sign_in(("alice@company.localhost", NEW)))
    assert {"password_reset_asked", "mail_delivered", "password_set"} <= set(provider.trail())


@pytest.mark.parametrize("typed", ["nobody@company.localhost", "nobody", "bob"])
def test_known_and_unknown_users_cannot_be_told_apart(
    provider: Provider, browser: Browser, typed: str, statements: list[tuple[str, Any]]
) -> None:
    provider.sql("UPDATE users SET email_verified_at = NULL WHERE username = 'bob'")
    seen = []
    for name in ("alice", typed):
        page = browser.get("/forgot")
        statements.clear()
        answer = browser.http.post(
            "/forgot", data={"csrf": re.findall(r'name="csrf" value="([^"]*)"', page.text)[0], "email": name}
        )
        seen.append((answer.status_code, answer.headers["location"], [text for text, _ in statements]))
    assert seen[0] == seen[1]


def test_nobody_gets_mail_at_an_address_that_is_not_proven(
    provider: Provider, browser: Browser, mailbox: Mailbox, port: int
) -> None:
    provider.sql("UPDATE users SET email_verified_at = NULL WHERE username = 'alice'")
    provider.sql("UPDATE users SET disabled_at = '2030-01-01 00:00:00.000000' WHERE username = 'bob'")
    for name in ("alice", "bob", "nobody"):
        ask(browser, name)
    with mail_server(mailbox, port=port):
        deliver(provider)
    assert mailbox.messages == [] and outcomes(provider) == {"dropped": 3}


def test_one_address_gets_a_few_mails_an_hour_by_whichever_name(
    provider: Provider, browser: Browser, mailbox: Mailbox, port: int
) -> None:
    for _ in range(MOST_RESETS + 2):
        assert 'id="link-sent"' in ask(browser, "alice").text, "said all the same"
        ask(browser, "alice@company.localhost")
    with mail_server(mailbox, port=port):
        deliver(provider)
        assert len(mailbox.messages) == MOST_RESETS
        assert "password_reset_asked_too_often" in provider.trail()
        provider.clock.advance(hours=1, seconds=1)
        ask(browser, "alice")
        deliver(provider)
    assert len(mailbox.messages) == MOST_RESETS + 1


@pytest.mark.timeout(900)  # a thousand real messages, on a machine that may be busy
def test_a_thousand_invitations_wait_for_the_server_and_arrive_once_across_a_restart(
    provider: Provider, mailbox: Mailbox, port: int
) -> None:
    with provider.context.database.transaction():  # all at once: each joins it
        for number in range(1000):
            invite(provider, number)
    assert delivery_of(provider).deliver_due() == 0, "the server is away"
    provider.clock.advance(minutes=2)
    with mail_server(mailbox, port=port):
        assert [delivery_of(provider).deliver_due() for _ in range(7)] and 0 < len(mailbox.raw) < 1000
    provider.clock.advance(minutes=2)
    assert delivery_of(provider).deliver_due() == 0, "and again"
    second = provider.restarted(**settings(port))
    with mail_server(mailbox, port=port):
        for _ in range(5):  # on a busy machine a connection may end early: the next one goes on
            provider.clock.advance(minutes=10)
            deliver(second)
    assert outcomes(provider) == {"delivered": 1000}
    assert len(mailbox.recipients) == len(set(mailbox.recipients)) == 1000
    assert len({re.findall(rb"(?m)^Message-ID: .*$", each)[0] for each in mailbox.raw}) == 1000
    assert 'id="accept"' in provider.browser().get(link_in(mailbox.messages[-1])).text
    stop(second)


def test_a_mail_that_a_process_had_claimed_when_it_died_is_sent_by_another(
    provider: Provider, mailbox: Mailbox, port: int
) -> None:
    invite(provider, 1)
    with provider.context.database.autocommit() as stores:
        now = provider.clock.now()
        assert len(stores.mails.claim(now, lease=timedelta(minutes=5), limit=20)) == 1
    with mail_server(mailbox, port=port):
        assert deliver(provider) == 0
        provider.clock.advance(minutes=5)
        assert deliver(provider) == 1
    assert len(mailbox.messages) == 1


def test_a_recipient_who_is_refused_holds_up_nobody(provider: Provider, mailbox: Mailbox, port: int) -> None:
    for number in range(3):
        invite(provider, number)
    mailbox.answers = ["550 no such mailbox", "450 later", ""]
    with mail_server(mailbox, port=port):
        assert deliver(provider) == 3
        assert outcomes(provider) == {"refused": 1, "delivered": 1, None: 1}
        provider.clock.advance(minutes=1)
        deliver(provider)
    assert outcomes(provider) == {"refused": 1, "delivered": 2}
    assert len(mailbox.messages) == 2


def test_mail_that_nobody_takes_is_given_up(provider: Provider) -> None:
    invite(provider, 1)
    delivery_of(provider).deliver_due()
    provider.clock.advance(hours=25)
    delivery_of(provider).deliver_due()
    assert outcomes(provider) == {"given_up": 1} and "mail_given_up" in provider.trail()


def test_what_is_out_is_forgotten(provider: Provider, browser: Browser, mailbox: Mailbox, port: int) -> None:
    ask(browser, "alice")
    with mail_server(mailbox, port=port):
        deliver(provider)
    with provider.database.autocommit() as db:
        row = db.execute(select(mails)).mappings().one()
    assert (row["address"], row["details"]) == ("", {}) and row["user_id"] is not None


def test_a_removed_second_factor_is_told(provider: Provider, mailbox: Mailbox, port: int) -> None:
    with provider.context.database.transaction() as stores:
        bob = stores.users.find_by_username("bob")
        assert bob is not None and reset_second_factor(stores, bob, provider.clock.now())
    with mail_server(mailbox, port=port):
        deliver(provider)
    assert mailbox.messages[0]["Subject"] == "Your second step at Company was changed"


@pytest.mark.parametrize("at_once", [False, True])
def test_mail_goes_over_tls_and_to_no_server_without_the_right_certificate(
    provider: Provider, mailbox: Mailbox, port: int, tmp_path: Path, *, at_once: bool
) -> None:
    authority, context = server_certificate(tmp_path)
    invite(provider, 1)
    secure = settings(
        port, smtp_security="tls" if at_once else "starttls", backchannel_ca_file=authority, smtp_host="localhost",
        **({} if at_once else {"smtp_username": "sso", "smtp_password": "mail-secret"}),
    )  # fmt: skip
    strict, trusting = provider.restarted(**{**secure, "backchannel_ca_file": None}), provider.restarted(**secure)
    with mail_server(mailbox, port=port, tls=context, at_once=at_once):
        deliver(strict)
        assert mailbox.messages == []
        provider.clock.advance(minutes=2)
        deliver(trusting)
    assert mailbox.encrypted == [True] and mailbox.logins == ([] if at_once else ["sso"])
    stop(strict)
    stop(trusting)


def test_a_server_that_offers_no_starttls_gets_nothing(provider: Provider, mailbox: Mailbox, port: int) -> None:
    invite(provider, 1)
    strict = provider.restarted(**settings(port, smtp_security="starttls"))
    with mail_server(mailbox, port=port):
        deliver(strict)
    assert mailbox.messages == [] and outcomes(provider) == {None: 1}
    stop(strict)


def test_the_local_stack_prints_its_mail(
    tmp_path: Path, clock: SettableClock, capsys: pytest.CaptureFixture[str]
) -> None:
    local = start(tmp_path, clock)
    ask(local.browser(), "alice")
    deliver(local)
    printed = capsys.readouterr().out
    assert "mail to alice@company.localhost: A new password for Company" in printed and "/reset?token=" in printed
    stop(local)


@pytest.mark.parametrize("typed", ["", " ", "\u200b", "x" * 5000, "\u0301" * 10_000])
def test_what_nobody_can_be_called_is_refused_and_still_there(browser: Browser, typed: str) -> None:
    page = ask(browser, typed)
    assert page.status_code == 400 and 'id="error"' in page.text and len(page.text) < 5000


def test_a_form_without_its_token_sends_nothing(provider: Provider, browser: Browser) -> None:
    browser.get("/forgot")
    assert browser.http.post("/forgot", data={"email": "alice"}).status_code == 400
    assert outcomes(provider) == {}


def test_a_name_with_line_breaks_or_tags_forges_nothing(provider: Provider, mailbox: Mailbox, port: int) -> None:
    provider.sql("""UPDATE users SET claims = '{"name": "A\\r\\nBcc: x@y.example <b>\\"{username.__class__}"}'""")
    ask(provider.browser(), "alice")
    with mail_server(mailbox, port=port):
        deliver(provider)
    (message,) = mailbox.messages
    html = message.get_body(("html",))
    assert message["Bcc"] is None and html is not None and "<b>" not in html.get_content()
    assert mailbox.recipients == ["alice@company.localhost"]
