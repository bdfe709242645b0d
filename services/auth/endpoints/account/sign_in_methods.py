"""GET /account/sign-in-methods: the ways in which this person signs in, a section each.

Policy: ADR-0118
A way to sign in hangs its section in `SECTIONS`: a template below `templates/account/` and a function that reads what
it shows. Its forms post to an address of its own, a page that is declared in a module of its own beside this one and
answers through `visit(http, answer, fresh=True)`; on success it leads back here, with a word of its own as `done`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.auth.endpoints.account import passkeys
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.rate_limits.limits import Limit
from services.auth.stores import Stores

endpoint = page_endpoint("/account/sign-in-methods", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")


@dataclass(frozen=True)
class Section:
    """`template` is included in the page; it finds what `read` returns as `section`, and the form token as `csrf`."""

    template: str
    read: Callable[[AccountVisit, Stores], Mapping[str, Any]]


def _password(here: AccountVisit, stores: Stores) -> Mapping[str, Any]:
    del stores
    return {"is_set": here.user.password_hash is not None}


def _authenticator(here: AccountVisit, stores: Stores) -> Mapping[str, Any]:
    return {
        "is_set": here.user.has_totp,
        "second_factor": here.user.has_second_factor,
        "codes": stores.recovery_codes.count(here.user.id),
    }


#: In the order in which people see them, the strongest first.
SECTIONS: tuple[Section, ...] = (
    Section("account/passkeys_section.html", passkeys.section),
    Section("account/authenticator_section.html", _authenticator),
    Section("account/password_section.html", _password),
)


@endpoint.get
async def get_sign_in_methods(http: Request) -> Response:
    """Show them."""
    return await visit(http, show)


def show(here: AccountVisit, *, error: str | None = None) -> Response:
    """Render the page; with the sentence that says why something was refused."""
    with here.context.database.autocommit() as stores:
        sections = [(section.template, section.read(here, stores)) for section in SECTIONS]
    return here.page("account/sign_in_methods.html", error=error, sections=sections)
