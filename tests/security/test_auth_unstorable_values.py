"""Values that JSON can write and a database can't keep or compare: each is answered as every other bad one, on both."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.auth.clients.assertion import JWT_BEARER
from shared.testing import SettableClock
from tests.integration.auth.conftest import stop
from tests.integration.auth.provider import Provider, code_of, oauth_error, start_on
from tests.integration.auth.seeds import ASSERTION_KEY, seed
from tests.support.assertions import claims_for, signed
from tests.support.databases import migrated


@pytest.fixture
def provider(database_url: str, tmp_path: Path, clock: SettableClock) -> Iterator[Provider]:
    database = migrated("auth", database_url)
    seed(database)
    database.dispose()
    running = start_on(database_url, tmp_path, clock)
    yield running
    stop(running)


@pytest.mark.parametrize("name", ["\0", "\ud800", "batch\0signer", "x" * 4000])
def test_an_assertion_of_an_impossible_client_is_no_internal_error(provider: Provider, name: str) -> None:
    """RFC 6749 s5.2: whoever is not known is invalid_client."""
    assertion = signed(claims_for(name, provider.clock.now()), ASSERTION_KEY)
    form = {"client_assertion": assertion, "client_assertion_type": JWT_BEARER, "token": "x", "response_type": "code"}
    for path in ("/token", "/par", "/revoke", "/introspect"):
        answer = provider.post(path, {"grant_type": "client_credentials", **form})
        assert oauth_error(answer, answer.status_code) == "invalid_client"
        assert answer.status_code in {400, 401}


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 4000, "1e-400", "18446744073709551616", "1e308"])
def test_a_claim_of_an_impossible_number_is_nobodys_and_no_internal_error(provider: Provider, number: str) -> None:
    """OpenID Connect Core s5.5.1: a value that the user's claim does not have leaves the claim out."""
    claims = f'{{"userinfo":{{"nickname":{{"values":[{number}]}}}}}}'
    assert provider.push(claims=claims).status_code == 201
    code = code_of(provider.browser().sign_in(scope="openid profile", claims=claims))
    assert provider.redeem(code).status_code == 200
