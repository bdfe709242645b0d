"""/account/passkeys: the passkeys of this person: added, named, removed; and what a page's script makes one by.

Spec: WebAuthn Level 3 s7.1, s5.1.3 (conditional create), s5.1.10 (signals)
Policy: ADR-0110, ADR-0111, ADR-0115, ADR-0118
In: POST `csrf`, and `purpose` = registration | conditional, or `action` = add-passkey (`credential`, `passkey-name`) |
    rename (`id`, `passkey-name`) | remove (`id`)
Out: PublicKeyCredentialCreationOptionsJSON for a purpose; else 303 to the page, which says what was done. A removal
    renews the session's cookie.
"""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.auth.accounts.passkey import LONGEST_NAME
from services.auth.accounts.passkey_ceremony import user_handle
from services.auth.authorization.passkey_registration import (
    Holder,
    NotAdded,
    PasskeyRegistration,
    passkey_name,
)
from services.auth.endpoints.account.change import answer_change, changer_of
from services.auth.endpoints.account.visit import AccountVisit, visit
from services.auth.endpoints.web.caching import NO_STORE
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.endpoints.web.pages import error_page, see_other
from services.auth.language import gettext, mark
from services.auth.opaque_token import b64url
from services.auth.rate_limits.limits import Limit
from services.auth.stores import Stores

endpoint = page_endpoint("/account/passkeys", limit=Limit.AUTHORIZE, unadvertised="for people, by the menu")

_SENTENCES = {
    NotAdded.TOO_LATE: mark("That took too long. Please try again."),
    NotAdded.REFUSED: mark("This passkey could not be added. Please try again, or use another device."),
    NotAdded.KNOWN: mark("This passkey was added before."),
    NotAdded.TOO_MANY: mark("You have as many passkeys as one account can have. Remove one first."),
}


@endpoint.get
async def get_passkeys(http: Request) -> Response:
    """Show them, to who has just signed in."""
    return await visit(http, _show, fresh=True)


@endpoint.post
async def post_passkeys(http: Request) -> Response:
    """Add, rename or remove one."""
    return await visit(http, _change)


def section(here: AccountVisit, stores: Stores) -> Mapping[str, Any]:
    """Return what the pages show, and what their script tells the browser: which credentials count."""
    party = here.context.passkey_sign_in
    passkeys = stores.passkeys.of_user(here.user.id)
    return {
        "passkeys": passkeys,
        "site": None if party is None else party.party.id,
        "holder": user_handle(here.user.id),
        "accepted": [b64url(passkey.credential_id) for passkey in passkeys],
        "longest": LONGEST_NAME,
    }


def _show(here: AccountVisit, error: str | None = None) -> Response:
    with here.context.database.autocommit() as stores:
        found = section(here, stores)
    return here.page("account/passkeys.html", error=error, section=found)


def _change(here: AccountVisit) -> Response:
    site, purpose, action = here.context.passkey_sign_in, here.form.get("purpose"), here.form.get("action")
    conditional = purpose == "conditional"
    if not (here.fresh or (conditional and here.may_add_passkey)):
        return here.sign_in_anew()
    if site is None:
        return error_page("malformed_request", start_again="/account")
    registration = PasskeyRegistration(here.context.database, site.party)
    if action == "add-passkey":
        return _add(here, registration, conditional=conditional)
    if action == "remove":
        return _remove(here)
    if action == "rename":
        return _rename(here)
    if purpose not in {"registration", "conditional"}:
        return here.back()
    options = registration.ask(_holder(here), here.now, conditional=conditional)
    return JSONResponse(options, headers=NO_STORE)


def _add(here: AccountVisit, registration: PasskeyRegistration, *, conditional: bool) -> Response:
    name = here.form.get("passkey-name") or ""
    credential = here.form.get("credential") or ""
    added = registration.add(_holder(here), credential, name, here.now, conditional=conditional)
    if isinstance(added, NotAdded):
        return _show(here, gettext(_SENTENCES[added]))
    return see_other("/account/sign-in-methods?done=passkey-added")  # the page of passkeys asks for it from now on


def _remove(here: AccountVisit) -> Response:
    outcome = here.context.own_factors.passkeys.remove(changer_of(here, f"{here.path}?done=removed"), here.wanted_id)
    if outcome is None:
        return here.back("gone")
    here.context.logout_delivery.wake()
    return answer_change(here, outcome, lambda sentence: _show(here, sentence))


def _rename(here: AccountVisit) -> Response:
    wanted, name = here.wanted_id, passkey_name(here.form.get("passkey-name") or "")
    with here.context.database.transaction() as stores:
        renamed = wanted is not None and stores.passkeys.rename(here.user.id, wanted, name)
    return here.back("renamed" if renamed else "gone")


def _holder(here: AccountVisit) -> Holder:
    return Holder(here.user, here.session, here.origin)
