"""A mail server in the test's process, which keeps what it is sent."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from shared.certificates import issue_authority, issue_certificate, new_key
from shared.clock import Clock


@dataclass
class Mailbox:
    """What arrived, and how the next recipient is answered."""

    raw: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(each, policy=policy.default) for each in self.raw]

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        del server, session, options
        if self.answers and (answer := self.answers.pop(0)):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        del session
        self.raw.append(cast("bytes", envelope.content))
        self.recipients += envelope.rcpt_tos
        transport = server.transport
        self.encrypted.append(transport is not None and transport.get_extra_info("ssl_object") is not None)
        return "250 OK"

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope, mechanism
        self.logins.append(cast("LoginPassword", data).login.decode())
        return AuthResult(success=cast("LoginPassword", data).password == b"mail-secret")


@contextmanager
def mail_server(
    mailbox: Mailbox, *, port: int, tls: ssl.SSLContext | None = None, at_once: bool = False, utf8: bool = True
) -> Iterator[None]:
    """Serve on loopback while the block runs; `tls` by STARTTLS, or `at_once`; `utf8`: whether it offers SMTPUTF8."""
    options: dict[str, Any] = {"hostname": "127.0.0.1", "port": port, "enable_SMTPUTF8": utf8}
    if tls is not None and at_once:
        options["ssl_context"] = tls
    elif tls is not None:
        options |= {"tls_context": tls, "require_starttls": True, "authenticator": mailbox.login}
    controller = Controller(mailbox, **options)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def server_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Return the file of an authority, and what a server for localhost shows."""
    now, authority_key, key = Clock().now(), new_key(), new_key()
    authority = issue_authority(authority_key, "localhost", now)
    file, chain, private = folder / "authority.pem", folder / "server.pem", folder / "server.key"
    file.write_bytes(authority)
    chain.write_bytes(issue_certificate(authority, authority_key, key, ["localhost"], now))
    private.write_bytes(key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, private)
    return file, context
