"""Spec: draft-ietf-oauth-status-list-17 s4.1, s8.3. What is not a list of the shard in question is none at all."""

import base64
import json
import zlib
from datetime import timedelta
from typing import Any

import pytest

from shared.bearer import InvalidToken, StatusReference
from shared.bearer.access_token import LEEWAY
from shared.bearer.status.status_list import (
    MAX_INFLATED_BYTES,
    MAX_TTL,
    MIN_TTL,
    VERSION_CLAIM,
    BadStatusList,
    StatusList,
    read_status_list,
    signing_kid,
    status_reference,
)
from shared.testing import FakeIssuer, SettableClock

ISSUER = "http://localhost:9000"


def read(issuer: FakeIssuer, token: str | None = None) -> StatusList:
    token = token or issuer.statuses.signed(0, issuer.private_key, issuer.clock.now())
    assert signing_kid(token)
    public_key = issuer.private_key.public_key()
    return read_status_list(token, public_key, uri=f"{ISSUER}/status/0", now=issuer.clock.now(), leeway=LEEWAY)


def packed(bits: bytes) -> dict[str, Any]:
    return {"bits": 1, "lst": base64.urlsafe_b64encode(zlib.compress(bits)).rstrip(b"=").decode()}


def test_each_bit_is_one_token_the_lowest_first(issuer: FakeIssuer) -> None:
    """The draft's own example: 16 statuses in the bytes 0xb9, 0xa3."""
    issuer.statuses.claims["status_list"] = {"bits": 1, "lst": "eNrbuRgAAhcBXQ"}
    found = read(issuer)
    assert [int(found.is_set(index)) for index in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]


def test_an_index_beyond_the_list_is_refused(issuer: FakeIssuer) -> None:
    found = read(issuer)
    assert not found.is_set(131_071)
    with pytest.raises(InvalidToken):
        found.is_set(131_072)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": f"{ISSUER}/status/1"},
        {"sub": f"{ISSUER}/status/0/"},
        {"sub": None},
        {"iat": None},
        {"iat": 4_102_444_800},
        {"exp": "soon"},
        {"exp": None},
        {"ttl": 0},
        {"ttl": -1},
        {"ttl": "15"},
        {"ttl": True},
        {"ttl": float("nan")},
        {VERSION_CLAIM: None},
        {VERSION_CLAIM: "7"},
        {VERSION_CLAIM: 7.5},
        {VERSION_CLAIM: True},
        {VERSION_CLAIM: -1},
        {"status_list": None},
        {"status_list": {"bits": 2, "lst": "eNrbuRgAAhcBXQ"}},
        {"status_list": {"bits": True, "lst": "eNrbuRgAAhcBXQ"}},
        {"status_list": {"lst": "eNrbuRgAAhcBXQ"}},
        {"status_list": {"bits": 1}},
        {"status_list": {"bits": 1, "lst": ""}},
        {"status_list": {"bits": 1, "lst": 7}},
        {"status_list": {"bits": 1, "lst": "eNrbuRgA AhcBXQ"}},
        {"status_list": {"bits": 1, "lst": "A"}},
        {"status_list": {"bits": 1, "lst": "eNrbuRgAAhcB"}},  # cut off
        {"status_list": {"bits": 1, "lst": "AAAAAAAAAAAA"}},  # not zlib
    ],
)
def test_a_list_out_of_line_is_refused(issuer: FakeIssuer, claims: dict[str, Any]) -> None:
    issuer.statuses.claims = claims
    with pytest.raises(BadStatusList):
        read(issuer)


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "at+jwt"}, {"alg": "none"}, {"alg": "HS256"}, {"crit": []}])
def test_a_header_out_of_line_is_refused(issuer: FakeIssuer, header: dict[str, Any]) -> None:
    issuer.statuses.header = header
    with pytest.raises(BadStatusList):
        read(issuer)


def test_an_access_token_is_no_status_list(issuer: FakeIssuer) -> None:
    with pytest.raises(BadStatusList):
        read(issuer, issuer.access_token())


def test_a_strangers_list_is_refused(issuer: FakeIssuer) -> None:
    token = issuer.statuses.signed(0, issuer.private_key, issuer.clock.now())
    with pytest.raises(BadStatusList, match="signature"):
        read(issuer, issuer.forged(token))


def test_a_bomb_is_not_inflated(issuer: FakeIssuer) -> None:
    """A gigabyte of zeros takes a megabyte; this one takes 30 kB to say 30 MB, and is put down after 16 kB."""
    issuer.statuses.claims["status_list"] = packed(bytes(30_000_000))
    with pytest.raises(BadStatusList, match="more than 16384 bytes"):
        read(issuer)


def test_the_size_limit_is_the_shards_own(issuer: FakeIssuer) -> None:
    issuer.statuses.claims["status_list"] = packed(bytes(MAX_INFLATED_BYTES))
    assert len(read(issuer).bits) == MAX_INFLATED_BYTES
    issuer.statuses.claims["status_list"] = packed(bytes(MAX_INFLATED_BYTES + 1))
    with pytest.raises(BadStatusList):
        read(issuer)


def test_what_follows_the_list_is_refused(issuer: FakeIssuer) -> None:
    raw = zlib.compress(b"\x00") + b"more"
    issuer.statuses.claims["status_list"] = {"bits": 1, "lst": base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    with pytest.raises(BadStatusList, match="followed"):
        read(issuer)


@pytest.mark.parametrize(("ttl", "used"), [(15, 15), (0.01, 1), (99_999, 300)])
def test_ttl_has_bounds(issuer: FakeIssuer, ttl: float, used: float) -> None:
    issuer.statuses.claims["ttl"] = ttl
    assert read(issuer).ttl == timedelta(seconds=used)
    assert MIN_TTL <= read(issuer).ttl <= MAX_TTL


def test_one_past_its_exp_is_still_read(issuer: FakeIssuer, clock: SettableClock) -> None:
    token = issuer.statuses.signed(0, issuer.private_key, issuer.clock.now())
    clock.advance(hours=1)
    assert read(issuer, token).expires_at < clock.now()


def test_a_token_names_its_place() -> None:
    claims = {"status": {"status_list": {"idx": 7, "uri": f"{ISSUER}/status/12"}}}
    assert status_reference(claims, ISSUER) == StatusReference(12, 7)
    assert status_reference({}, ISSUER) is None


@pytest.mark.parametrize(
    "uri",
    [
        "http://evil.example/status/0",
        f"{ISSUER}.evil.example/status/0",
        f"{ISSUER}/status/",
        f"{ISSUER}/status/00",
        f"{ISSUER}/status/-1",
        f"{ISSUER}/status/1.0",
        f"{ISSUER}/status/0/",
        f"{ISSUER}/status/0?x",
        f"{ISSUER}/status/0\n",
        f"{ISSUER}/status/../jwks",
        f"{ISSUER}/status/\N{ARABIC-INDIC DIGIT ONE}",
        f"{ISSUER}/status/12345678901",
        f"{ISSUER}//status/0",
        "/status/0",
        7,
        None,
    ],
)
def test_a_list_that_is_not_the_issuers_is_refused(uri: object) -> None:
    """Else a token could make every API fetch whatever address it names."""
    with pytest.raises(InvalidToken):
        status_reference({"status": {"status_list": {"idx": 0, "uri": uri}}}, ISSUER)


@pytest.mark.parametrize(
    "status",
    [
        None,
        [],
        {},
        {"status_list": None},
        {"status_list": {}},
        *({"status_list": {"idx": index, "uri": f"{ISSUER}/status/0"}} for index in (None, "0", 1.0, True, -1)),
    ],
)
def test_a_place_out_of_line_is_refused(status: object) -> None:
    """Present and unreadable is not the same as absent: nobody may opt out of revocation by a typing error."""
    with pytest.raises(InvalidToken):
        status_reference(json.loads(json.dumps({"status": status})), ISSUER)
