"""One API as its clients see it, with all that verifies their tokens, put together from settings.

Policy: ADR-0016
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from shared.bearer.challenge import require_scope_form
from shared.bearer.keys.copies import StatusListCopies
from shared.bearer.keys.jwks import JwksCache
from shared.bearer.proofs import Proofs
from shared.bearer.settings import BearerSettings
from shared.bearer.status.cache import StatusCache
from shared.bearer.status.source import StatusSource
from shared.bearer.verifier import AccessTokenVerifier
from shared.clock import Clock
from shared.dpop.proof import ProofRules


@dataclass(frozen=True)
class ProtectedApi:
    """An API: `identifier` is its public URL and what `aud` must hold; `scopes` are all that its routes ask for.

    `machine_scopes` are those of them that no user can be granted: they are named to nobody who signs a person in.

    Raises, when made:
        ValueError: the scopes are not a tuple of scopes, or `machine_scopes` names another.
    """

    name: str
    identifier: str
    issuer: str
    scopes: tuple[str, ...]
    verifier: AccessTokenVerifier
    machine_scopes: tuple[str, ...] = ()
    proof_rules: ProofRules = field(default_factory=ProofRules)
    #: The DPoP proofs that its requests came with.
    proofs: Proofs = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        given: tuple[object, ...] = (self.scopes, self.machine_scopes)
        for scopes in given:
            if not isinstance(scopes, tuple):  # ("notes:read") is a string, ("notes:read",) a tuple
                raise ValueError(f"scopes: must be a tuple, not the text {scopes!r}")  # noqa: TRY004 - as documented
            for scope in scopes:
                require_scope_form(scope)
        if not set(self.machine_scopes) <= set(self.scopes):
            raise ValueError("machine_scopes: must be among scopes")
        object.__setattr__(self, "proofs", Proofs(self.identifier, self.proof_rules))

    @property
    def user_scopes(self) -> tuple[str, ...]:
        """The scopes that a person's sign-in can be granted."""
        return tuple(scope for scope in self.scopes if scope not in self.machine_scopes)

    @classmethod
    def from_settings(
        cls,
        name: str,
        settings: BearerSettings,
        scopes: tuple[str, ...],
        *,
        machine_scopes: tuple[str, ...] = (),
        last_good: Path | None = None,
        clock: Clock | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> "ProtectedApi":
        """Put the API together; nothing is fetched yet.

        `last_good` is a folder of the service's own: what the issuer said last is kept there, for a start while it is
        away. `clock` and `transport` let a test set the time and stand in for the issuer.
        """
        clock = clock or Clock()
        jwks = JwksCache(
            settings.keys_url,
            clock,
            last_good=None if last_good is None else last_good / f"{name}.jwks.json",
            transport=transport,
            policy=settings.jwks_policy(),
        )
        policy = settings.status_policy()
        statuses = StatusCache(
            StatusSource(policy, jwks, clock, transport=transport),
            clock,
            max_stale=policy.max_stale,
            copies=None if last_good is None else StatusListCopies(last_good, name),
        )
        verifier = AccessTokenVerifier(
            settings.access_token_rules(),
            jwks,
            clock,
            statuses=statuses,
            cache_bytes=settings.token_cache_mib * 1024 * 1024,
        )
        rules = settings.proof_rules()
        return cls(name, settings.audience, settings.issuer, scopes, verifier, machine_scopes, rules)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep keys and status lists warm while the service runs, and end what runs in the background when it stops.

        May be entered again after it was left, also in another event loop: all is fetched anew. Between two runs every
        token is answered with 503. One run at a time.

        Raises:
            RuntimeError: it runs already.
        """
        if self.verifier.is_running:
            raise RuntimeError(f"{self.name}: running() was entered twice; make a ProtectedApi for each application")
        self.verifier.open()
        warm = [
            asyncio.create_task(self.verifier.jwks.keep_warm()),
            asyncio.create_task(self.verifier.statuses.keep_warm()),
        ]
        try:
            yield
        finally:
            for task in warm:
                task.cancel()
            await asyncio.wait(warm)
            await self.verifier.aclose()
