"""The metrics of auth that a request moves. Labels are bounded: none comes from what a stranger sends.

Policy: ADR-0079
Workers of one service add up: counters and histograms are written to the directory that `serve --workers` gives them.
"""

import threading
from functools import cache

from prometheus_client import Counter, Gauge, Histogram

#: Clients that have a label of their own in one process; the others are `other`.
MOST_CLIENTS = 200

_SECONDS = Histogram(
    "auth_request_seconds",
    "Time to the answer of an endpoint",
    ["endpoint"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_ISSUED = Counter("auth_tokens_issued_total", "Answers of /token that gave tokens", ["grant", "client"])
_REFUSED = Counter("auth_refusals_total", "Refused requests, by the name that the log gives", ["refusal"])
_SIGN_INS = Counter("auth_sign_ins_total", "Attempts at a factor, and sign-ins that were completed", ["outcome"])
_REFRESHES = Counter("auth_refresh_anomalies_total", "Refresh tokens that came again, or too early", ["kind"])
PASSWORDS = Gauge("auth_passwords_verifying", "Passwords that are hashed or wait for it", multiprocess_mode="livesum")

_clients: set[str] = set()
_lock = threading.Lock()

#: Refusals that are the outcome of an attempt at a factor.
_OUTCOMES = {
    "sign_in_failed": "password_wrong",
    "second_factor_failed": "second_factor_wrong",
    "passkey_failed": "passkey_wrong",
    "attempt_while_blocked": "blocked",
    "sign_in_queue_full": "queue_full",
}


def took(endpoint: str, seconds: float) -> None:
    """Record how long an endpoint took to make its answer; `endpoint` is its declared path."""
    _seconds_of(endpoint).observe(seconds)


def refused(name: str) -> None:
    """Count a refusal."""
    _refused_by(name).inc()
    if (outcome := _OUTCOMES.get(name)) is not None:
        _SIGN_INS.labels(outcome).inc()


def signed_in(event: str) -> None:
    """Count a step of a sign-in that went well: `first_factor_accepted` or `signed_in`."""
    _SIGN_INS.labels(event).inc()


def issued(grant: str, client_id: str | None) -> None:
    """Count an answer with tokens."""
    _issued_to(grant, _bounded(client_id or "none")).inc()


def refreshed_oddly(kind: str) -> None:
    """Count `retried`, `retried_by_another_agent`, `reuse` or `generation_ahead`."""
    _REFRESHES.labels(kind).inc()


def _bounded(client_id: str) -> str:
    if client_id in _clients:
        return client_id
    with _lock:
        if len(_clients) >= MOST_CLIENTS:
            return "other"
        _clients.add(client_id)
    return client_id


# the look-up of a child costs as much as what it counts
_seconds_of = cache(_SECONDS.labels)
_refused_by = cache(_REFUSED.labels)
_issued_to = cache(_ISSUED.labels)
