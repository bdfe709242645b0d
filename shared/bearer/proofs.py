"""DPoP at an API: the proof that comes with a bound token, made for this request and good once in this process.

Spec: RFC 9449 s7.1, s8, s9, s11.1; Policy: ADR-0101

Asked for at every request of a bound token, hit or miss of the memory of verified tokens; a Bearer token passes by.
The address is the API's own identifier, never the Host header. A process remembers the proofs that it took, within
bounds; another replica does not know of them, so what a replay needs is the token, the proof and a minute.
"""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from prometheus_client import Counter

from shared.bearer.challenge import InvalidDpopProof, InvalidToken, UseDpopNonce
from shared.dpop.proof import BadProof, NonceNeeded, ProofRules

#: Proofs that are remembered: a process that takes one a millisecond keeps a minute and a half of them, 10 MB.
DEFAULT_LIMIT = 100_000

_dropped = Counter("bearer_dpop_proofs_forgotten", "Proofs forgotten before they expired, because there were too many.")


class Proofs:
    """The proofs of one API. Belongs to one event loop."""

    def __init__(self, identifier: str, rules: ProofRules | None = None, *, limit: int = DEFAULT_LIMIT) -> None:
        """`identifier`: the API's public URL; `limit`: how many proofs are remembered."""
        self.rules = rules or ProofRules()
        parts = urlsplit(identifier)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path.rstrip("/")
        self._limit = limit
        self._used: OrderedDict[bytes, datetime] = OrderedDict()

    def __len__(self) -> int:
        """Return how many are remembered."""
        return len(self._used)

    def address(self, path: str) -> str:
        """Return the public address of a request's path, whether or not the proxy has taken the prefix away."""
        inside = path == self._prefix or path.startswith(f"{self._prefix}/")
        return f"{self._origin}{path if inside else self._prefix + path}"

    def require(
        self, sent: Sequence[bytes], *, method: str, path: str, access_token: str, jkt: str, now: datetime
    ) -> None:
        """Return if the request's one proof is good, of the key `jkt`, and was not used before; use it up.

        Raises:
            InvalidDpopProof: it is not.
            UseDpopNonce: it must hold a nonce.
            InvalidToken: it is another key's.
        """
        if len(sent) != 1:
            raise InvalidDpopProof("dpop_repeated" if sent else "dpop_missing")
        try:
            proof = self.rules.verify(
                sent[0].decode("ascii", "replace"),
                method=method,
                address=self.address(path),
                now=now,
                access_token=access_token,
            )
        except BadProof as error:
            raise InvalidDpopProof(f"dpop_{error.reason}") from error
        except NonceNeeded as error:
            nonces = self.rules.nonces
            raise (UseDpopNonce(nonces.fresh(now)) if nonces else InvalidDpopProof("dpop_iat")) from error
        if proof.jkt != jkt:
            raise InvalidToken("dpop_key")
        self._use(proof.id, proof.good_until, now)

    def _use(self, proof_id: bytes, good_until: datetime, now: datetime) -> None:
        while self._used and next(iter(self._used.values())) <= now:
            self._used.popitem(last=False)
        if self._used.get(proof_id, now) > now:
            raise InvalidDpopProof("dpop_replayed")
        self._used[proof_id] = good_until
        if len(self._used) > self._limit:
            self._used.popitem(last=False)
            _dropped.inc()
