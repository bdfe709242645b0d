"""What a browser gets that comes back to a request which is over: the same answer again, or a page with a way on.

Policy: ADR-0062
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from urllib.parse import quote, urlsplit

from starlette.responses import Response

from services.auth.authorization.repeat import REPEAT_WINDOW, Submission, keep_answer, kept_answer, submission_of
from services.auth.authorization.request import WaitingRequest
from services.auth.authorization.response import AuthorizationResponse
from services.auth.clients.client import Client
from services.auth.clients.redirect_uris import identity_is_assured, origin_of_address
from services.auth.endpoints.web.pages import error_page, page, send_back
from services.auth.endpoints.web.reader import heed
from services.auth.stores import Stores
from services.auth.waiting import Progress

#: The case of the error page for each state in which nobody can go on.
_CASES = {
    Progress.ENDED: "request_ended",
    Progress.EXPIRED: "request_expired",
    Progress.FOREIGN: "request_of_another_browser",
}


@dataclass(frozen=True)
class Over:
    """A request that its browser cannot go on with; None: no such request is known.

    `cookieless`: the browser sent no cookie at all.
    """

    waiting: WaitingRequest | None
    client: Client | None
    handle: str
    progress: Progress
    cookieless: bool
    now: datetime

    @property
    def may_be_answered_again(self) -> bool:
        """Whether the client was answered, and may still be."""
        if self.waiting is None or self.client is None or self.progress is not Progress.ANSWERED:
            return False
        return self.waiting.request.may_be_answered(self.client)

    def answer(self) -> Response:
        """Show what has become of the request, with a link that begins it anew or leads back to the client."""
        if self.waiting is None or self.waiting.pushed:
            return error_page("request_unknown")
        heed(self.waiting.request.language, self.handle)
        client = self.client
        if client is None or not self.waiting.request.may_be_answered(client):
            return error_page("unknown_client")
        if self.progress is Progress.ANSWERED:
            return self._finished(client, self.waiting)
        case = _CASES[self.progress]
        if self.progress is Progress.FOREIGN and self.cookieless:
            case = "cookies_refused"
        return error_page(case, start_again=restart_link(self.handle), client_name=client.name)

    def _finished(self, client: Client, waiting: WaitingRequest) -> Response:
        return page(
            "finished.html",
            keeps_opener=True,
            signed_in=waiting.outcome == "code",
            client_name=client.name,
            back=self._way_back(client, waiting),
            start_again=restart_link(self.handle),
        )

    def _way_back(self, client: Client, waiting: WaitingRequest) -> str:
        """Return where the client is: its site, or what opens the app with the answer that it may have missed."""
        address = waiting.request.redirect_uri
        if client.application_type == "web" and identity_is_assured(address):
            return f"{origin_of_address(address)}/" if urlsplit(address).netloc else address
        completed_at = waiting.completed_at
        if completed_at is not None and self.now < completed_at + REPEAT_WINDOW:
            return resume_link(self.handle)
        return restart_link(self.handle)


def resume_link(handle: str) -> str:
    """Return the address at which the request goes on, or is answered again."""
    return f"/authorize?request={quote(handle)}"


def restart_link(handle: str) -> str:
    """Return the address at which the same request begins anew."""
    return f"/authorize?restart={quote(handle)}"


def last_step(browser_cookie: str, handle: str) -> Submission:
    """Return what the answer to the client is kept under."""
    return submission_of(browser_cookie, "/authorize", handle)


def keep_response(stores: Stores, submission: Submission, response: AuthorizationResponse, now: datetime) -> None:
    """Keep the answer to the client, in the transaction that completes the request."""
    keep_answer(stores.step_answers, submission, asdict(response), now)


def same_response(stores: Stores, submission: Submission, now: datetime) -> Response | None:
    """Return the client's answer once more, None when it is too late for that."""
    kept = kept_answer(stores.step_answers, submission, now)
    return None if kept is None else send_back(AuthorizationResponse(**kept))
