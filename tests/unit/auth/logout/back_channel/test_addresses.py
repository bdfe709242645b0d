"""Public addresses, loopback in local mode, and what an operator allows."""

import ipaddress

import pytest

from services.auth.logout.back_channel.addresses import may_be_reached

INSIDE = ipaddress.ip_network("10.1.0.0/16")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "192.0.1.1", "2606:4700::1111", "2a00:1450:4001::1"])
def test_a_public_address_may_be_reached(address: str) -> None:
    assert may_be_reached(ipaddress.ip_address(address), allowed=(), loopback=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_loopback_is_for_local_mode_alone(address: str) -> None:
    assert may_be_reached(ipaddress.ip_address(address), allowed=(), loopback=True)
    assert not may_be_reached(ipaddress.ip_address(address), allowed=(), loopback=False)


def test_local_mode_opens_nothing_else() -> None:
    for address in ("10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "fe80::1", "0.0.0.1", "::"):
        assert not may_be_reached(ipaddress.ip_address(address), allowed=(), loopback=True), address


def test_an_operator_may_allow_a_network_and_gets_no_more_than_that() -> None:
    assert may_be_reached(ipaddress.ip_address("10.1.2.3"), allowed=(INSIDE,), loopback=False)
    for address in ("10.2.0.1", "::ffff:10.1.2.3", "fd00::1"):
        assert not may_be_reached(ipaddress.ip_address(address), allowed=(INSIDE,), loopback=False)
