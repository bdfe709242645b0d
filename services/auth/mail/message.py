"""A mail as it is sent: text and HTML of one content, under an id that stays the same at every attempt.

Spec: RFC 5322 s3.6, RFC 2046 s5.1.4 (alternatives), RFC 3834 s5 (Auto-Submitted)
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.auth.brand import Brand
from services.auth.language import gettext as _
from services.auth.language import language
from services.auth.mail.content import Content

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Sender:
    """Whose mail it is: as people see it, and the address."""

    brand: Brand
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def compose(content: Content, *, mail_id: UUID, sender: Sender, to: str, now: datetime) -> EmailMessage:
    """Return the message. A header can hold no line break: `email` refuses one."""
    message = EmailMessage()
    message["Subject"] = content.subject
    message["From"] = Address(sender.brand.name, addr_spec=sender.address)
    message["To"] = Address(addr_spec=to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = language()
    values = {"content": content, "brand": sender.brand, "links": _links(sender.brand), "language": language()}
    message.set_content(_TEMPLATES.get_template("message.txt").render(values))
    message.add_alternative(_TEMPLATES.get_template("message.html").render(values), subtype="html")
    return message


def _links(brand: Brand) -> list[tuple[str, str]]:
    given = ((_("Help"), brand.help_link), (_("Privacy"), brand.privacy), (_("Terms"), brand.terms))
    return [(name, link) for name, link in given if link]
