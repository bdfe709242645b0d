"""Attacks by way of a client's back channel: server-side request forgery, and answers that never end.

Spec: OpenID Connect Back-Channel Logout s2.5 and s4
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from services.auth.logout.back_channel.addresses import Address
from services.auth.logout.back_channel.post import NotDelivered, Poster, trust
from tests.support.back_channel import OK, BackChannel, make_certificate

NAME = "rp.example"
HERE, DECOY = "127.0.0.2", "127.0.0.3"
#: This machine's addresses stand for public ones: the operator allows the first and not the other.
ALLOWED = (ipaddress.ip_network(f"{HERE}/32"),)


class Names:
    """A name server in the attacker's hand: each look-up gives the next answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0

    async def resolve(self, host: str, port: int) -> list[Address]:
        assert (host, port > 0) == (NAME, True)
        self.asked += 1
        return [ipaddress.ip_address(address) for address in self.answers[min(self.asked, len(self.answers)) - 1]]


def poster(resolve: Callable[[str, int], Awaitable[list[Address]]], ca_file: Path | None = None) -> Poster:
    return Poster(ALLOWED, loopback=False, trust=trust(ca_file), resolve=resolve, timeout=timedelta(seconds=5))


def refused(uri: str, names: Names) -> str:
    """Return why nothing was posted, after a look that a listener at the forbidden address saw nobody."""

    async def attempt() -> str:
        async with BackChannel(DECOY) as decoy:
            with pytest.raises(NotDelivered) as error:
                await poster(names.resolve).post(uri.replace("PORT", str(decoy.port)), "token")
            assert decoy.bodies == []
        return str(error.value)

    return asyncio.run(attempt())


async def answered(answer: bytes | None, tmp_path: Path, patience: timedelta = timedelta(seconds=5)) -> int:
    ca_file, certificate = make_certificate(tmp_path, NAME)
    async with BackChannel(HERE, answer, certificate) as rp:
        names = Names([HERE])
        sender = Poster(ALLOWED, loopback=False, trust=trust(ca_file), resolve=names.resolve, timeout=patience)
        return await sender.post(f"https://{NAME}:{rp.port}/logout", "token")


def test_a_name_that_changes_its_mind_between_check_and_connect_leads_nowhere(tmp_path: Path) -> None:
    """DNS rebinding: the first answer is checked, and the connection goes to that answer."""

    async def attempt() -> tuple[int, list[str], list[str]]:
        ca_file, certificate = make_certificate(tmp_path, NAME)
        names = Names([HERE], [DECOY])
        async with (
            BackChannel(HERE, certificate=certificate) as rp,
            BackChannel(DECOY, certificate=certificate, port=rp.port) as decoy,
        ):
            status = await poster(names.resolve, ca_file).post(f"https://{NAME}:{rp.port}/out?x=1", "a.b.c")
            assert names.asked == 1
            return status, rp.heads, decoy.heads

    status, heads, decoys = asyncio.run(attempt())
    assert (status, decoys) == (200, [])
    assert heads[0].startswith("POST /out?x=1 HTTP/1.1\r\nHost: rp.example:")
    assert "Content-Type: application/x-www-form-urlencoded\r\n" in heads[0]


@pytest.mark.requirement("BCLOGOUT-4")
@pytest.mark.parametrize(
    "addresses",
    [
        [DECOY],
        ["127.0.0.1"],
        ["::1"],
        ["169.254.169.254"],
        ["10.0.0.1"],
        ["172.16.0.1"],
        ["192.168.0.1"],
        ["100.64.0.1"],
        ["0.0.0.1"],
        ["224.0.0.1"],
        ["255.255.255.255"],
        ["192.0.2.1"],
        ["192.88.99.1"],
        ["198.18.0.1"],
        ["::"],
        ["fd00::1"],
        ["fe80::1"],
        ["fe80::1%lo"],
        ["ff02::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:8.8.8.8"],
        ["::127.0.0.1"],
        ["2002:7f00:1::"],
        ["2001:0:7f00:1::"],
        ["64:ff9b::7f00:1"],
        ["64:ff9b:1::7f00:1"],
        ["2001:db8::1"],
        [HERE, DECOY],
        ["8.8.8.8", "10.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(addresses: list[str]) -> None:
    assert refused(f"https://{NAME}:PORT/", Names(addresses)) == "the name leads to an address that may not be reached"


@pytest.mark.parametrize("uri", ["http://rp.example:PORT/", "file:///etc/passwd", "https:///x", "gopher://rp.example/"])
def test_plain_http_and_other_schemes_are_not_spoken(uri: str) -> None:
    assert refused(uri, Names([DECOY])) == "the address is not an https URL"


@pytest.mark.requirement("BCLOGOUT-4")
def test_a_redirect_to_the_metadata_address_is_not_followed(tmp_path: Path) -> None:
    for status in (301, 302, 303, 307, 308):
        answer = f"HTTP/1.1 {status} X\r\nLocation: http://169.254.169.254/latest/meta-data/\r\n\r\n".encode()
        assert asyncio.run(answered(answer, tmp_path)) == status


@pytest.mark.requirement("BCLOGOUT-4")
def test_a_certificate_of_nobody_we_trust_is_refused(tmp_path: Path) -> None:
    async def attempt(ca_file: Path | None, name: str) -> None:
        _, certificate = make_certificate(tmp_path, name)
        async with BackChannel(HERE, certificate=certificate) as rp:
            try:
                await poster(Names([HERE]).resolve, ca_file).post(f"https://{NAME}:{rp.port}/", "token")
            finally:
                assert rp.bodies == []

    other_ca, _ = make_certificate(tmp_path, "other.example")
    for ca_file, name in ((None, NAME), (other_ca, NAME), (other_ca, "other.example")):
        with pytest.raises(NotDelivered, match="TLS failed"):
            asyncio.run(attempt(ca_file, name))


def test_old_tls_is_not_spoken() -> None:
    assert trust(None).minimum_version >= 771  # TLS 1.2 on the wire: 3.3
    assert trust(None).check_hostname


def test_an_answer_without_end_is_read_to_4_kilobytes_and_no_further(tmp_path: Path) -> None:
    assert asyncio.run(answered(OK + b"x" * 50_000_000, tmp_path)) == 200
    for endless in (b"x" * 50_000_000, b"HTTP/1.1 " + b"2" * 10_000, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000):
        with pytest.raises(NotDelivered, match="not HTTP"):
            asyncio.run(answered(endless, tmp_path))


def test_an_answer_that_never_comes_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(NotDelivered, match="no answer in time"):
        asyncio.run(answered(None, tmp_path, patience=timedelta(milliseconds=300)))
    assert Poster((), loopback=False, trust=trust(None)).timeout == timedelta(seconds=5)


@pytest.mark.parametrize("answer", [b"", b"\x16\x03\x01", b"HTTP/2 200\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n"])
def test_what_is_no_http_is_no_success(answer: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotDelivered):
        asyncio.run(answered(answer, tmp_path))


def test_an_interim_answer_is_passed_over(tmp_path: Path) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    assert asyncio.run(answered(interim + b"HTTP/1.1 204 No Content\r\n\r\n", tmp_path)) == 204


def test_a_proxy_of_the_environment_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert asyncio.run(answered(OK, tmp_path)) == 200
