"""E-mail addresses: which text is one, and when two are the same.

Spec: RFC 5321 s4.1.2, RFC 5890 (domains in other scripts); the only importer of email-validator
An address is proven by a link that arrives there, not by its look: nothing is asked of the DNS here, and a company's
own domains (`.local`, `.internal`) are as good as others.
"""

import unicodedata
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from functools import cache
from types import ModuleType

from services.auth.accounts.user import normalise_username
from services.auth.language import mark

#: Longest address (RFC 5321 s4.5.3.1.3, without its angle brackets).
MAX_LENGTH = 254


@dataclass(frozen=True)
class EmailAddress:
    """One address. `text`: as it is shown; `key`: as it is compared; `deliverable`: as a mail server takes it."""

    text: str
    key: str
    deliverable: str


def parse_email_address(typed: str) -> EmailAddress:
    """Return the address that somebody typed or pasted.

    Raises:
        ValueError: it is none; the message is a sentence for people and holds nothing that was typed.
    """
    if len(typed) > MAX_LENGTH or len(typed.encode("utf-8", "surrogatepass")) > MAX_LENGTH:
        raise ValueError(mark("That is too long for an e-mail address."))
    email_validator = _email_validator()
    try:
        found = email_validator.validate_email(
            unicodedata.normalize("NFKC", typed.strip()),
            check_deliverability=False,
            globally_deliverable=False,
            allow_smtputf8=False,
        )
    except (email_validator.EmailNotValidError, UnicodeError):
        raise ValueError(mark("That is not an e-mail address, such as name@company.example.")) from None
    if found.ascii_email is None or len(found.ascii_email) > MAX_LENGTH or not _fits_a_header(found.ascii_email):
        raise ValueError(mark("Mail cannot be sent to that address."))
    return EmailAddress(found.normalized, normalise_username(found.normalized), found.ascii_email)


def _fits_a_header(address: str) -> bool:
    """Say whether a message can be written to it: `email` takes `=?utf-8?q?x?=` for an encoded word, and refuses it."""
    try:
        return Address(addr_spec=address).addr_spec == address
    except (MessageError, ValueError, IndexError):
        return False


@cache
def _email_validator() -> ModuleType:
    """Return the library, which no start waits for: it compiles its large patterns on import."""
    import email_validator  # noqa: PLC0415 - see above

    # reserved names are for the operator's network to give a meaning to
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    return email_validator
