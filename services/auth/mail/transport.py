"""How a message leaves: by a mail server, or printed where nobody has one.

Spec: RFC 5321 s4.2 (replies), RFC 3207 (STARTTLS), RFC 8314 s3.3 (TLS from the start)
TLS is never left out when it was asked for: a server that does not offer STARTTLS is one that is away.
"""

import smtplib
import ssl
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Protocol

from services.auth.settings import Security

#: Seconds that each answer of the server may take.
_PATIENCE = 10.0


class ServerAwayError(Exception):
    """No mail can be sent at this moment; it is not a fault of the message's."""


class NotTakenError(Exception):
    """The server did not take this message. `for_good`: nor will it ever."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class Connection(Protocol):
    """What takes one message after the other."""

    def send(self, message: EmailMessage) -> None:
        """Raise NotTakenError or ServerAwayError unless the server has taken it."""
        ...


class Transport(Protocol):
    """What opens a connection."""

    def connect(self) -> AbstractContextManager[Connection]:
        """Raise ServerAwayError when there is none."""
        ...


@dataclass(frozen=True, repr=False)
class SmtpTransport:
    """A mail server, by name and port."""

    host: str
    port: int
    security: Security
    username: str
    password: str
    #: Which servers are believed to be whom they say.
    trust: ssl.SSLContext

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        try:
            client = self._open()
        except (OSError, smtplib.SMTPException) as error:
            raise ServerAwayError(type(error).__name__) from error
        try:
            yield _SmtpConnection(client)
        finally:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()

    def _open(self) -> smtplib.SMTP:
        if self.security is Security.TLS:
            client: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_PATIENCE, context=self.trust)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=_PATIENCE)
        try:
            if self.security is Security.STARTTLS:
                client.starttls(context=self.trust)
            if self.username:
                client.login(self.username, self.password)
        except BaseException:
            client.close()
            raise
        return client


@dataclass(frozen=True)
class _SmtpConnection:
    client: smtplib.SMTP

    def send(self, message: EmailMessage) -> None:
        try:
            self.client.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max(reply[0] for reply in error.recipients.values())
            raise NotTakenError(f"the server answered {code}", for_good=code >= 500) from error
        except smtplib.SMTPNotSupportedError as error:  # not the server's fault: another message needs no such thing
            raise NotTakenError(type(error).__name__, for_good=True) from error
        except smtplib.SMTPResponseException as error:
            if error.smtp_code == 421 or isinstance(error, smtplib.SMTPSenderRefused):  # 421: it is closing
                raise ServerAwayError(f"the server answered {error.smtp_code}") from error
            for_good = error.smtp_code >= 500
            raise NotTakenError(f"the server answered {error.smtp_code}", for_good=for_good) from error
        except (OSError, smtplib.SMTPException) as error:
            raise ServerAwayError(type(error).__name__) from error


@dataclass(frozen=True)
class ConsoleTransport:
    """Prints each message to standard output: the local stack's mail server."""

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        yield self

    def send(self, message: EmailMessage) -> None:
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        sys.stdout.write(f"\n--- mail to {message['To']}: {message['Subject']}\n{text}---\n")
        sys.stdout.flush()
