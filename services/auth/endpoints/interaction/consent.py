"""/consent: may this client have what it asks for?

Spec: OpenID Connect Core s3.1.2.4; Policy: ADR-0022, ADR-0127
In: `request`, `csrf`, `session`, `intent`, `action` = allow | deny
Out: 303 to /authorize, or access_denied to the client; without `intent` the page again, as /continue.
"""

from starlette.requests import Request
from starlette.responses import Response

from services.auth.audit import AuditEvent
from services.auth.authorization.flow import Consent
from services.auth.authorization.signed_in import SignedIn
from services.auth.endpoints.interaction.interaction import Interaction, interact
from services.auth.endpoints.web.endpoint import page_endpoint
from services.auth.scopes import join_scopes

endpoint = page_endpoint("/consent", unadvertised="/authorize sends people there")


@endpoint.get
async def get_consent(http: Request) -> Response:
    """Ask, if this is what comes next."""
    return await interact(http, _ask)


@endpoint.post
async def post_consent(http: Request) -> Response:
    """Remember the yes of the user whom the page named, and of no other."""
    return await interact(http, _answer)


def _ask(here: Interaction) -> Response:
    if not isinstance(here.step, Consent) or here.signed_in is None:
        return here.back_to_authorize()
    return here.page(
        "consent.html",
        username=here.signed_in.user.username,
        session=str(here.signed_in.session.id),
        scope=join_scopes(_asked(here)),
        descriptions=here.catalogue.describe(_asked(here)),
        once_more=here.once_more,
    )


def _answer(here: Interaction) -> Response:
    if here.form.get("action") == "deny":
        return here.cancel("The user did not allow the request.")
    if not isinstance(here.step, Consent) or here.signed_in is None:
        return here.back_to_authorize()
    # what the page showed counts: if another user has signed in since (a second tab), or gained a role, ask again
    shown = (here.form.get("session"), here.form.get("scope") or "")
    if here.form.get("action") == "allow" and shown == (str(here.signed_in.session.id), join_scopes(_asked(here))):
        if not here.is_meant:
            return here.ask_once_more(endpoint.path)
        _remember(here, here.signed_in)
    return here.back_to_authorize()


def _asked(here: Interaction) -> frozenset[str]:
    return here.evaluation.consent.asked


def _remember(here: Interaction, signed_in: SignedIn) -> None:
    user, client_id, scopes = signed_in.user, here.client.client_id, _asked(here)
    with here.context.database.transaction() as stores:
        stores.consents.add(user.id, client_id, scopes, here.now)
        stores.waiting_requests.set_consented(here.waiting.handle_hash, signed_in.session.id)
        stores.audit.record(
            AuditEvent(
                "consent_given",
                here.now,
                user_id=user.id,
                client_id=client_id,
                session_id=signed_in.session.id,
                origin=here.browser.origin,
                details={"scopes": sorted(scopes)},
            )
        )
