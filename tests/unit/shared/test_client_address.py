"""Who sent a request, as proxies write it down (RFC 7239 s6)."""

import ipaddress
import logging

import pytest

from shared.client_address import Forwarding, network_of, parse_address

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("hop", "network"),
    [
        ("203.0.113.8", "203.0.113.8"),
        (" 203.0.113.8 ", "203.0.113.8"),
        ("203.0.113.8:51234", "203.0.113.8"),
        ('"203.0.113.8:51234"', "203.0.113.8"),
        ("2001:db8::1", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[2001:db8::1]:443", "2001:db8::/64"),
        ('"[2001:db8::1]:443"', "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("[fe80::1%eth0]:443", "fe80::/64"),
        ("::ffff:203.0.113.8", "203.0.113.8"),
        ("[::ffff:203.0.113.8]:1", "203.0.113.8"),
        ("64:ff9b::203.0.113.8", "203.0.113.8"),  # all of IPv4 would be one network
    ],
)
def test_an_address_is_read_however_a_proxy_writes_it(hop: str, network: str) -> None:
    assert network_of(parse_address(hop)) == network


@pytest.mark.parametrize(
    "hop",
    [
        *("", "unknown", "_hidden", "203.0.113", "203.0.113.8:", "203.0.113.8:http", "203.0.113.8:512345"),
        *("[2001:db8::1]443", "[2001:db8::1", "2001:db8::1]:443", "[]:443", "\u0664.1.1.1"),
        *("1" * 10_000, "[" + "1" * 10_000 + "]"),
    ],
)
def test_what_is_no_address_is_none(hop: str) -> None:
    assert parse_address(hop) is None
    assert network_of(None) == ""


def test_a_caller_who_writes_hops_of_his_own_is_not_believed() -> None:
    found = Forwarding(PROXIES).caller("10.0.0.1", ["198.51.100.7, 203.0.113.8:51234, 10.0.0.9", "[fd00::2]:443"])
    assert str(found) == "203.0.113.8"


def test_a_chain_of_ten_thousand_trusted_hops_is_read_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counting(hop: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        parsed.append(hop)
        return parse_address(hop)

    monkeypatch.setattr("shared.client_address.parse_address", counting)
    Forwarding(PROXIES).caller("10.0.0.1", [", ".join(["10.0.0.2"] * 10_000)])
    assert len(parsed) <= 33


def test_an_operator_is_told_once_that_a_trusted_proxys_header_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    forwarding = Forwarding(PROXIES)
    with caplog.at_level(logging.WARNING):
        assert str(forwarding.caller("203.0.113.8", ["nonsense"])) == "203.0.113.8", "nobody's header: not looked at"
        assert str(forwarding.caller("10.0.0.1", [])) == "10.0.0.1", "the proxy's own health check"
        assert not caplog.records
        for _ in range(3):
            assert str(forwarding.caller("10.0.0.1", ["203.0.113.8, unknown"])) == "10.0.0.1"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'unknown'" in caplog.text
