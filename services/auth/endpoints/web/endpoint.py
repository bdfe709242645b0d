"""The kinds of route: what an endpoint is, declared once.

Policy: ADR-0060
Dispatch, errors, rate limits, CORS, discovery and the fuzz all read this declaration. A handler takes the request as it
came and makes its own response.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.auth.rate_limits.limits import Limit

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Kind(Enum):
    """Who reads the answers, errors included."""

    #: Programs: RFC 6749 JSON.
    JSON = "json"
    #: Anybody, from a cache too: GET and HEAD alone; errors are JSON.
    DOCUMENT = "document"
    #: People in a browser.
    PAGE = "page"


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One address. `metadata` is its member in discovery; without one, `unadvertised` gives the reason.

    The last segment of `path` may be a parameter, such as /status/{shard}.

    Raises:
        ValueError: neither or both of `metadata` and `unadvertised`.
    """

    path: str
    kind: Kind
    #: What counts its requests (`sign_in`: its failures) by network; None: it is cheap.
    limit: Limit | None = None
    #: Whether scripts of registered browser clients may read the answers, of a document those of any page.
    cors: bool = False
    metadata: str = ""
    unadvertised: str = ""
    handlers: dict[str, Handler] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.metadata) == bool(self.unadvertised):
            raise ValueError(f"{self.path}: give its name in discovery, or the reason why it has none")

    def get(self, handler: Handler) -> Handler:
        """Let `handler` answer GET and HEAD; of a HEAD's answer the server sends no body."""
        self.handlers["GET"] = self.handlers["HEAD"] = handler
        return handler

    def post(self, handler: Handler) -> Handler:
        """Let `handler` answer POST."""
        self.handlers["POST"] = handler
        return handler

    @property
    def methods(self) -> str:
        """The methods, as Allow and Access-Control-Allow-Methods list them."""
        return ", ".join(sorted(self.handlers))


def json_endpoint(
    path: str, *, limit: Limit | None = None, cors: bool = False, metadata: str = "", unadvertised: str = ""
) -> Endpoint:
    """Declare an address that clients and APIs call."""
    return Endpoint(path, Kind.JSON, limit, cors, metadata, unadvertised)


def document_endpoint(path: str, *, cors: bool = True, metadata: str = "", unadvertised: str = "") -> Endpoint:
    """Declare a public, cacheable document."""
    return Endpoint(path, Kind.DOCUMENT, None, cors, metadata, unadvertised)


def page_endpoint(path: str, *, limit: Limit | None = None, metadata: str = "", unadvertised: str = "") -> Endpoint:
    """Declare a page; no script of another origin may ever read one."""
    return Endpoint(path, Kind.PAGE, limit, cors=False, metadata=metadata, unadvertised=unadvertised)
