"""The edge of idempotent requests: reads the header, looks the key up, and does the work once.

In: `Idempotency-Key`, 1 to 255 visible ASCII characters, taken as they are. Out: the work's answer, or the one that the
same request got before.

Spec: draft-ietf-httpapi-idempotency-key-header-07 s2; Policy: ADR-0013
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Header, Request, Response
from prometheus_client import Counter
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from shared.api.idempotency.fingerprint import Sent
from shared.api.idempotency.store import SqlIdempotencyKeys, Stored
from shared.bearer import Principal
from shared.clock import Clock
from shared.errors import Conflict, Unavailable
from shared.problem_codes import ProblemCode
from shared.problem_details import ProblemError, conflict_problem

_requests = Counter("idempotent_requests", "Requests with an Idempotency-Key, by what became of them.", ["result"])


class _Attempt:
    """One request that may carry a key; a dependency, so that the header stands in the OpenAPI document."""

    def __init__(
        self,
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key",
                min_length=1,
                max_length=255,
                pattern="^[!-~]+$",
                description=(
                    "Sent again with the same key within 24 hours, the same request gets the same answer and is done "
                    "once. With another request the key is refused (422). A key is its caller's own."
                ),
                examples=["0190a1b0-7d3c-7c4e-9a51-3f1b8e0c2d4a"],
            ),
        ] = None,
    ) -> None:
        if len(request.headers.getlist("Idempotency-Key")) > 1:
            detail = "The Idempotency-Key header must appear once."
            raise ProblemError(400, detail, ProblemCode.INVALID_HEADER)
        self.request = request
        self.key = idempotency_key
        self._digest: str | None = None

    @property
    def path(self) -> str:
        return self.request.url.path

    def received(self, digest: str) -> None:
        """Take the digest of a body that the endpoint has read itself, piece by piece."""
        self._digest = digest

    async def sent(self, principal: Principal) -> Sent | None:
        """Return the request by its digests, None if it carries no key."""
        if self.key is None:
            return None
        request = self.request
        return Sent.of(
            principal,
            self.key,
            method=request.method,
            route=request.scope["route"].path,
            target=f"{request.url.path}?{request.url.query}",
            body=await request.body() if self._digest is None else b"",
            digest=self._digest,
        )


Attempt = Annotated[_Attempt, Depends()]


@dataclass(frozen=True)
class Answer:
    """What a request is answered: what is stored of it is what is sent."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, model: BaseModel, status: int = 200, **headers: str) -> "Answer":
        """Return the model as JSON; a header's name is spelled as a Python name (`Location`, `ETag`)."""
        return cls(status, model.model_dump_json(), {"Content-Type": "application/json", **headers})

    def response(self) -> Response:
        """Return it as it goes out."""
        return Response(self.body, self.status, headers=dict(self.headers))


class Idempotency:
    """Does the work of one service's POST requests, each key's once."""

    def __init__(self, keys: SqlIdempotencyKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def answer(
        self,
        attempt: _Attempt,
        principal: Principal,
        work: Callable[[], Answer],
        *,
        authorize: Callable[[], object] | None = None,
        before: Callable[[], Awaitable[object]] | None = None,
    ) -> Response:
        """Return what `work` answers, or what it answered before to this very request.

        `work` runs in a thread, in one unit of work that every store of the same database joins. A Conflict that it
        raises is an answer like any other and is stored, what it wrote before is not; any other error stores nothing,
        and the key stays free. `authorize` runs in that thread too, before the key is looked up, each time: it raises
        when the record is none of the caller's. `before` is what has to be asked of others (no transaction is open
        meanwhile); a request that has its answer already does not ask.

        Raises:
            ProblemError: 422, the key was used with another request.
            Unavailable: as `work` and the database say; a key that another request holds for longer than a lock may
                be waited for among them.
        """
        sent = await attempt.sent(principal)
        if before is not None:
            found = await run_in_threadpool(self._look_up, sent, authorize)
            if found is not None:
                return found.response()
            authorize = None
            await before()
        done = await run_in_threadpool(self._once, sent, work, authorize, attempt.path)
        return done.response()

    def _look_up(self, sent: Sent | None, authorize: Callable[[], object] | None) -> Answer | None:
        if authorize is not None:
            authorize()
        if sent is None:
            return None
        stored = self._keys.find(sent, self._clock.now())
        return None if stored is None else _replay(sent, stored)

    def _once(
        self, sent: Sent | None, work: Callable[[], Answer], authorize: Callable[[], object] | None, path: str
    ) -> Answer:
        now = self._clock.now()
        with self._keys.unit_of_work() as db:
            if authorize is not None:
                authorize()
            if sent is None:
                return work()
            if not self._keys.claim(sent, now):
                stored = self._keys.find(sent, now)
                if stored is None:  # it was there a statement ago, and none but an expired one is removed
                    detail = "The request with this Idempotency-Key is being done."
                    raise Unavailable(detail, code=ProblemCode.REQUEST_IN_PROGRESS)
                return _replay(sent, stored)
            try:
                with db.begin_nested():
                    answer = work()
            except Conflict as error:
                refusal = conflict_problem(error, path)
                headers = {"Content-Type": str(refusal.media_type), "Cache-Control": "no-store"}
                answer = Answer(409, bytes(refusal.body).decode(), headers)
            self._keys.keep(sent, Stored(sent.fingerprint, answer.status, answer.headers, answer.body))
        _requests.labels("done").inc()
        return answer


def _replay(sent: Sent, stored: Stored) -> Answer:
    if stored.fingerprint != sent.fingerprint:
        _requests.labels("mismatch").inc()
        detail = "The Idempotency-Key was used with another request."
        raise ProblemError(422, detail, ProblemCode.IDEMPOTENCY_KEY_REUSED)
    _requests.labels("replayed").inc()
    return Answer(stored.status, stored.body, {**stored.headers, "Idempotent-Replayed": "true"})
