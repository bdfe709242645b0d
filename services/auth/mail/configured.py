"""The delivery of mail as the settings want it: by a server, on the console of the local stack, or none.

Policy: ADR-0093
"""

from ssl import SSLContext

from services.auth.mail.delivery import DeliveryDatabase, MailDelivery
from services.auth.mail.message import Sender
from services.auth.mail.transport import ConsoleTransport, SmtpTransport, Transport
from services.auth.settings import AuthSettings
from shared.clock import Clock


def mail_delivery(
    settings: AuthSettings, database: DeliveryDatabase, clock: Clock, trust: SSLContext
) -> MailDelivery | None:
    """Return what sends the mail of this database; None: nothing does. `trust`: which mail servers are believed."""
    if not settings.sends_mail:
        return None
    transport: Transport = ConsoleTransport()
    if settings.smtp_host:
        transport = SmtpTransport(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_username,
            settings.smtp_password.get_secret_value(),
            trust,
        )
    return MailDelivery(
        database=database,
        clock=clock,
        transport=transport,
        sender=Sender(settings.brand, settings.mail_from or "sign-in@company.localhost"),
        issuer=settings.issuer,
        give_up_after=settings.mail_give_up_after,
    )
