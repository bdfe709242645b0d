"""What doctor sees of an issuer: discovery, the clock, and the ways in which a network fails."""

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.doctor import Check, Finding, Web, clock_check, issuer_check
from shared.doctor.report import Verdict
from shared.doctor.web import MAX_DOCUMENT_BYTES
from shared.settings import ServiceSettings

ISSUER = "http://localhost:9000"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
DOCUMENT = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token", "jwks_uri": f"{ISSUER}/.well-known/jwks.json"}
Network = Callable[..., Web]


def issuer_of(network: Web) -> Finding:
    return issuer_check(network, ISSUER, "CRM_ISSUER").finding()


def test_a_good_issuer(web: Network) -> None:
    finding = issuer_of(web({DISCOVERY: DOCUMENT}))
    assert finding.verdict is Verdict.OK
    assert finding.says == f"discovery says {ISSUER}, and its 2 addresses are under it"


@pytest.mark.parametrize("says", [f"{ISSUER}/", "http://127.0.0.1:9000", "HTTP://LOCALHOST:9000", None, ["x"]])
def test_an_issuer_that_calls_itself_otherwise(web: Network, says: Any) -> None:
    finding = issuer_of(web({DISCOVERY: {**DOCUMENT, "issuer": says}}))
    assert finding.verdict is Verdict.FAIL
    assert f"CRM_ISSUER is {ISSUER}" in finding.says
    assert repr(says) in finding.says
    assert "the same text" in finding.remedy


@pytest.mark.parametrize("astray", ["https://elsewhere/token", f"{ISSUER}.evil/token", f"{ISSUER}@evil/token", None])
def test_an_endpoint_elsewhere(web: Network, astray: Any) -> None:
    finding = issuer_of(web({DISCOVERY: {**DOCUMENT, "token_endpoint": astray}}))
    assert finding.verdict is Verdict.FAIL
    assert finding.says.endswith(": token_endpoint")


@pytest.mark.parametrize(
    ("answer", "says", "remedy"),
    [
        (httpx2.ConnectError("refused"), "nothing answers at", "start it"),
        (httpx2.ReadTimeout("slow"), "no answer in 5 s", "look at its log"),
        (httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]"), "certificate is not trusted", "SSL_CERT_FILE"),
        (httpx2.ConnectError("[SSL: WRONG_VERSION_NUMBER]"), "TLS fails", "http or https"),
        (httpx2.RemoteProtocolError("odd"), "nothing answers at", "start it"),
        (502, "answers 502", "start it"),
        (303, "answers 303", "correct the address"),
        ("<html>", "answers no JSON object", "correct the address"),
        ("[]", "answers no JSON object", "correct the address"),
        ("[" * 100_000, "answers no JSON object", "correct the address"),
        (b"\xff", "answers no JSON object", "correct the address"),
        ("x" * (MAX_DOCUMENT_BYTES + 1), "answers more than", "correct the address"),
    ],
)
def test_what_stands_in_the_way_is_named(web: Network, answer: Any, says: str, remedy: str) -> None:
    finding = issuer_of(web({DISCOVERY: answer}))
    assert finding.verdict is Verdict.FAIL
    assert says in finding.says
    assert remedy in finding.remedy


def test_an_address_that_is_none(web: Network) -> None:
    finding = issuer_check(web({}), "http://[::1", "CRM_ISSUER").finding()
    assert finding.verdict is Verdict.FAIL


def clock_of(network: Web, clock_file: Path | None = None) -> Finding:
    settings = ServiceSettings(environment="local", clock_file=clock_file)
    return clock_check(network, ISSUER, settings).finding()


@pytest.mark.parametrize(
    ("off", "verdict"),
    [
        (timedelta(0), Verdict.OK),
        (timedelta(seconds=10), Verdict.WARNING),
        (timedelta(seconds=-15), Verdict.WARNING),
        (timedelta(minutes=2), Verdict.FAIL),
        (timedelta(minutes=-2), Verdict.FAIL),
    ],
)
def test_a_clock_that_is_off(web: Network, off: timedelta, verdict: Verdict) -> None:
    finding = clock_of(web({f"{ISSUER}/livez": 404}, clock_off=off))  # whatever it answers, it has a clock
    assert finding.verdict is verdict
    assert verdict is Verdict.OK or "NTP" in finding.remedy


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_an_issuer_without_a_date(web: Network, date: str) -> None:
    assert clock_of(web({f"{ISSUER}/livez": {}}, date=date)).verdict is Verdict.WARNING


def test_a_clock_file_is_pointed_out(web: Network, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("3600", encoding="ascii")
    finding = clock_of(web({f"{ISSUER}/livez": {}}), file)
    assert finding.verdict is Verdict.WARNING
    assert "3600 s" in finding.says


def test_a_clock_file_that_holds_no_number(web: Network, tmp_path: Path) -> None:
    file = tmp_path / "clock"
    file.write_text("noon", encoding="ascii")
    finding = clock_of(web({f"{ISSUER}/livez": {}}), file)
    assert finding.verdict is Verdict.FAIL
    assert "signed seconds" in finding.remedy


def test_an_issuer_that_is_away_has_no_clock(web: Network) -> None:
    finding = clock_of(web({}))
    assert finding.verdict is Verdict.FAIL
    assert "start it" in finding.remedy


def test_certificates_are_checked() -> None:
    network = Web()
    assert network._tls.verify_mode is ssl.CERT_REQUIRED
    assert network._tls.check_hostname


def test_a_redirect_is_not_followed(web: Network) -> None:
    check = Check("redirect", lambda: Finding(Verdict.OK, str(web({DISCOVERY: 302}).get(DISCOVERY).status)))
    assert check.finding().says == "302"
