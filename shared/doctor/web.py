"""The network as a client of the suite sees it, and what doctor looks at there: discovery and the clock.

Spec: OpenID Connect Discovery s4.3, RFC 9110 s6.6.1 (Date)
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from shared.clock import Clock
from shared.doctor.report import Check, Failed, Finding, ok, warning
from shared.settings import ServiceSettings

#: How long one answer may take, and how large it may be.
FETCH_TIMEOUT = timedelta(seconds=5)
MAX_DOCUMENT_BYTES = 262_144
#: What the clocks of provider and API may differ by: noticed, and beyond the leeway of the verifiers.
NOTICED_OFFSET, WORST_OFFSET = timedelta(seconds=5), timedelta(seconds=30)


@dataclass(frozen=True)
class Answer:
    """What came back, read to its end; `before` and `after` are our own clock around it."""

    url: str
    status: int
    headers: httpx2.Headers
    body: bytes
    before: datetime
    after: datetime

    def content(self) -> bytes:
        """Return the body of a 200.

        Raises:
            Failed: it is another status.
        """
        if self.status != 200:
            remedy = "correct the address; 502 to 504 are a proxy's, whose service is away: start it"
            raise Failed(f"{self.url} answers {self.status}", remedy)
        return self.body

    def document(self) -> dict[str, Any]:
        """Return the JSON object of a 200.

        Raises:
            Failed: it is none.
        """
        body = self.content()
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise Failed(f"{self.url} answers no JSON object", "another program answers there: correct the address")
        return content


@dataclass(frozen=True)
class Web:
    """The network as a client of ours sees it: CAs by SSL_CERT_FILE, no proxy, no redirects. `transport`: for tests."""

    transport: httpx2.BaseTransport | None = None
    _tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def get(
        self, url: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Fetch `url`, whatever its status.

        Raises:
            Failed: nothing answers, or no name, certificate or size that a client would take.
        """
        client = httpx2.Client(
            transport=self.transport,
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            timeout=FETCH_TIMEOUT.total_seconds(),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})},
        )
        before = Clock().now()
        try:
            with client, client.stream("GET", url, params=params) as response:
                body = b""
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > MAX_DOCUMENT_BYTES:
                        raise Failed(f"{url} answers more than {MAX_DOCUMENT_BYTES} bytes", "correct the address")
                return Answer(url, response.status_code, response.headers, body, before, Clock().now())
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _unreached(url, error) from error


def _unreached(url: str, error: Exception) -> Failed:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return Failed(f"{url}: its certificate is not trusted", "let SSL_CERT_FILE name the CA that signed it")
    if "[SSL" in text:
        return Failed(f"{url}: TLS fails", "correct http or https in the address, or the TLS settings behind it")
    if isinstance(error, httpx2.TimeoutException):
        return Failed(f"{url}: no answer in {FETCH_TIMEOUT.seconds} s", "look at its log, and at firewalls between")
    return Failed(f"nothing answers at {url} ({type(error).__name__})", "start it; if it runs, correct the address")


def discovery_url(issuer: str) -> str:
    return f"{issuer}/.well-known/openid-configuration"


def issuer_check(web: Web, issuer: str, setting: str) -> Check:
    """Return the check that the provider at `issuer` calls itself that, and has its endpoints under it."""

    def look() -> Finding:
        document = web.get(discovery_url(issuer)).document()
        if document.get("issuer") != issuer:
            remedy = f"{setting} and the provider's AUTH_ISSUER must be the same text: correct one, restart"
            raise Failed(f"{setting} is {issuer}, but its discovery says {document.get('issuer')!r}", remedy)
        named = {name: url for name, url in document.items() if name.endswith("_endpoint") or name == "jwks_uri"}
        astray = sorted(name for name, url in named.items() if not str(url).startswith(f"{issuer}/"))
        if astray:
            raise Failed(f"discovery names addresses that are not under {issuer}: {', '.join(astray)}")
        return ok(f"discovery says {issuer}, and its {len(named)} addresses are under it")

    return Check("issuer", look, f"correct {setting}, or what stands between us and it")


def clock_check(web: Web, issuer: str, settings: ServiceSettings) -> Check:
    """Return the check that our clock and the issuer's agree. CLOCK_FILE moves all services, so it stays aside."""

    def look() -> Finding:
        answer = web.get(f"{issuer}/livez")
        try:
            date = parsedate_to_datetime(answer.headers.get("Date", "")).astimezone(UTC)
        except ValueError:
            return warning(f"{issuer} sends no Date", "let the proxy before it pass the header on")
        # Date has whole seconds: it means the second that begins there
        ahead, behind = answer.before - date - timedelta(seconds=1), date - answer.after
        offset = max(ahead, behind, timedelta(0))
        seconds, remedy = round(offset.total_seconds()), "synchronise both clocks (NTP)"
        if offset > WORST_OFFSET:
            raise Failed(f"our clock and the issuer's differ by {seconds} s: tokens are refused", remedy)
        if offset > NOTICED_OFFSET:
            return warning(f"our clock and the issuer's differ by {seconds} s", remedy)
        if settings.clock_file is not None:
            moved = round((settings.clock().now() - Clock().now()).total_seconds())
            return warning(
                f"agrees with the issuer's; CLOCK_FILE moves ours by {moved} s", "unset it when you are done"
            )
        return ok("agrees with the issuer's")

    return Check("clock", look, "correct CLOCK_FILE: it holds signed seconds, or nothing")
