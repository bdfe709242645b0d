import pytest

from shared.bearer import AccessTokenRules, AccessTokenVerifier, JwksCache, StatusCache, StatusPolicy, StatusSource
from shared.bearer.access_token import LEEWAY
from shared.testing import FakeIssuer, SettableClock

JWKS_URL = "http://localhost:9000/.well-known/jwks.json"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def issuer(clock: SettableClock) -> FakeIssuer:
    return FakeIssuer(clock=clock)


@pytest.fixture
def jwks(issuer: FakeIssuer) -> JwksCache:
    """Keys that never refresh early: jitter is nought."""
    return JwksCache(JWKS_URL, issuer.clock, transport=issuer.transport(), jitter=lambda: 0.0)


@pytest.fixture
def statuses(issuer: FakeIssuer, jwks: JwksCache) -> StatusCache:
    """Status lists that are never looked at early: jitter is nought."""
    policy = StatusPolicy(issuer.url, issuer.url, max_stale=issuer.lifetime + LEEWAY, leeway=LEEWAY)
    source = StatusSource(policy, jwks, issuer.clock, transport=issuer.transport())
    return StatusCache(source, issuer.clock, max_stale=policy.max_stale, jitter=lambda: 0.0)


@pytest.fixture
def verifier(issuer: FakeIssuer, jwks: JwksCache, statuses: StatusCache) -> AccessTokenVerifier:
    rules = AccessTokenRules(issuer.url, "http://localhost:9001", max_lifetime=issuer.lifetime)
    return AccessTokenVerifier(rules, jwks, issuer.clock, statuses=statuses, cache_bytes=3 * 1800)


async def background(jwks: JwksCache) -> None:
    """Let a refresh that nobody waits for run to its end."""
    if jwks._fetching is not None:
        await jwks._fetching


def whole_verifier(verifier: AccessTokenVerifier) -> AccessTokenVerifier:
    """Return a verifier of the same keys and lists that remembers nothing: each token goes the whole way."""
    return AccessTokenVerifier(verifier.rules, verifier.jwks, verifier.clock, statuses=verifier.statuses, cache_bytes=0)
