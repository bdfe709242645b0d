"""The signer writes each token as PyJWT would."""

from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from services.auth.keys.key_ring import parse_key_ring
from services.auth.keys.key_set import open_key_set
from services.auth.keys.signer import ALGORITHM, Signer
from services.auth.keys.signing_key import generate_signing_key
from tests.integration.auth.seeds import ENCRYPTION_KEY

RING = parse_key_ring(ENCRYPTION_KEY, "KEYS")


@pytest.fixture(scope="module")
def signer() -> Signer:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    return Signer(open_key_set([generate_signing_key(RING, bits=2048, state="active", now=now)], RING))


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"iss": "https://auth.example", "aud": ["https://crm.example"], "iat": 1_893_499_200, "amr": ["pwd", "otp"]},
        {"status": {"status_list": {"idx": 77, "uri": "https://auth.example/status/3"}}},
        {"name": 'J\u00f6rg \U0001fad6 "quoted" </script>', "email_verified": True, "address": {"region": None}},
        {"number": 2**64, "half": "\ud800"},  # what orjson refuses to write
    ],
)
@pytest.mark.parametrize("typ", ["at+jwt", "JWT", "statuslist+jwt"])
def test_a_token_has_the_bytes_that_pyjwt_gives_it(signer: Signer, claims: dict[str, Any], typ: str) -> None:
    active = signer.key_set.active
    headers = {"typ": typ, "kid": active.kid}
    assert signer.sign(claims, typ=typ) == jwt.encode(claims, active.private_key, algorithm=ALGORITHM, headers=headers)
