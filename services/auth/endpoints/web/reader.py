"""The person who reads a page, as far as the request tells: which language they read.

Policy: ADR-0122; Spec: OpenID Connect Core s3.1.2.1 (`ui_locales`), RFC 9110 s12.5.4
    SSO_LANGUAGE  the language that somebody chose on a page: `de`, or `de.<request>` when it was chosen within a
                  sign-in, where it then counts for more than the `ui_locales` of the application
"""

import re
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from services.auth.endpoints.web.appearance import PLAIN, Appearance
from services.auth.language import listener, speak_to
from services.auth.language.tags import DEFAULT, LANGUAGES, of_accept_language, of_ui_locales
from services.auth.opaque_token import digest

LANGUAGE = "SSO_LANGUAGE"
#: The parameter of a page's address by which its reader chooses another language.
CHOICE = "set_language"

#: Seconds for which a choice is remembered.
_REMEMBERED = 400 * 86_400
#: Bytes of a query, and of a cookie header, that are read for this.
_READ = 16_384
#: What our own links to pages hold.
_OF_OUR_LINKS = frozenset({"request", "token", "once", "sent", "done", "before", "with", "purpose", "id", "user_code"})
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


class Reader:
    """Whom a page is for. Nothing is looked at before a text is needed: most requests are answered without one."""

    def __init__(self, scope: Scope, appearance: Appearance = PLAIN) -> None:
        self._scope = scope
        self.appearance = appearance
        self._language: str | None = None
        self._wish: str | None = None
        self._tag = ""

    @property
    def language(self) -> str:
        """The application's wish, else what this browser chose before, else what it asks for, else English."""
        if self._language is None:
            chosen, _, within = self._cookie().partition(".")
            chosen = chosen if chosen in LANGUAGES else ""
            if self._tag and within == self._tag and chosen:
                self._language = chosen
            else:
                wish = self._wish or of_ui_locales(self._parameter("ui_locales"))
                self._language = wish or chosen or of_accept_language(self._header(b"accept-language")) or DEFAULT
        return self._language

    def wishes(self, language: str | None, handle: str) -> None:
        self._wish, self._tag, self._language = language, _tag(handle), None

    def addresses(self, handle: str | None) -> list[tuple[str, str, str]]:
        """Return each language, its name, and where this page is in it; nothing of a form's answer or of no page.

        `handle`: of the waiting request that the page is for. Of the address only what our own links hold is repeated:
        no page shows what a stranger's link says, and no token that came with it.
        """
        if self._scope["method"] not in {"GET", "HEAD"} or "auth.endpoint" not in self._scope:
            return []
        path, pairs = quote(self._scope["path"]), [pair for pair in self._query() if _is_ours(*pair)]
        if handle is not None:
            pairs = [("request", handle), *(pair for pair in pairs if pair[0] != "request")]
        return [(tag, name, f"{path}?{urlencode([*pairs, (CHOICE, tag)])}") for tag, name in LANGUAGES.items()]

    def choice(self, *, secure: bool) -> Response | None:
        """Return the answer to somebody who has just chosen a language: the same page, and a cookie."""
        if CHOICE.encode() not in self._scope["query_string"] or self._scope["method"] != "GET":
            return None
        query = self._query()
        chosen = next((value for name, value in query if name == CHOICE), None)
        if chosen is None:  # a text of somebody else's parameter
            return None
        rest = urlencode([pair for pair in query if pair[0] != CHOICE])
        location = quote(self._scope["path"]) + (f"?{rest}" if rest else "")
        response = RedirectResponse(location, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        if chosen in LANGUAGES:
            handle = next((value for name, value in query if name == "request"), "")
            response.set_cookie(
                f"__Host-{LANGUAGE}" if secure else LANGUAGE,
                f"{chosen}.{_tag(handle)}" if handle else chosen,
                max_age=_REMEMBERED,
                path="/",
                secure=secure,
                httponly=True,
                samesite="lax",
            )
        return response

    def _query(self) -> list[tuple[str, str]]:
        return parse_qsl(self._scope["query_string"][:_READ].decode("latin-1"), keep_blank_values=True)

    def _parameter(self, name: str) -> str | None:
        if name.encode() not in self._scope["query_string"]:
            return None
        return next((value for key, value in self._query() if key == name), None)

    def _header(self, name: bytes) -> str:
        return next((value.decode("latin-1") for key, value in self._scope["headers"] if key == name), "")

    def _cookie(self) -> str:
        """Return the last that was sent; with either name, since nobody gains by lending a stranger their language."""
        found = ""
        for key, value in self._scope["headers"]:
            if key == b"cookie" and LANGUAGE.encode() in value:
                for pair in value[:_READ].decode("latin-1").split(";"):
                    name, _, content = pair.strip().partition("=")
                    if name.removeprefix("__Host-") == LANGUAGE:
                        found = content
        return found


def meet(scope: Scope, appearance: Appearance) -> Reader:
    """Let the texts of this request be for whoever sent it, and its page look like this."""
    reader = Reader(scope, appearance)
    speak_to(reader)
    return reader


def heed(language: str | None, handle: str) -> None:
    """Take the wish of the application whose waiting request this is: its `ui_locales`."""
    reader = listener()
    if isinstance(reader, Reader):
        reader.wishes(language, handle)


def addressed(handle: str | None) -> tuple[Appearance, list[tuple[str, str, str]]]:
    """Return how the page that is being made looks, and its address in each language."""
    reader = listener()
    return (reader.appearance, reader.addresses(handle)) if isinstance(reader, Reader) else (PLAIN, [])


def _is_ours(name: str, value: str) -> bool:
    return name in _OF_OUR_LINKS and _PLAIN.fullmatch(value) is not None


def _tag(handle: str) -> str:
    """Return what names a request in a cookie, and gives nothing away."""
    return digest(handle).hex()[:16]
