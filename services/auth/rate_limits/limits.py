"""Rate limits: how many requests one network may send. Coarse, to keep a flood away from costly work.

Policy: ADR-0011; Spec: RFC 6585 s4
Counted in Valkey for all replicas; while that is away in this process alone: never no limit, and never no answer.
Failures of an account are counted by the budgets in the database (`accounts.failure_budget`).
"""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import NoReturn

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from services.auth.rate_limits.pace import Pace
from shared.errors import ConfigurationError, TooManyRequests
from shared.sliding_window import SlidingWindow

_log = logging.getLogger(__name__)

#: Seconds that Valkey may take for an answer, and that it is left alone after it gave none.
_PATIENCE = 0.25
_PAUSE = 5.0


class Limit(StrEnum):
    """What is counted together; the setting of each is AUTH_RATE_LIMIT_ and its name."""

    AUTHORIZE = "authorize"
    PAR = "par"
    TOKEN = "token"
    INTROSPECT = "introspect"
    LOGOUT = "logout"
    #: Invitations, forgotten and new passwords.
    RECOVERY = "recovery"
    #: Codes of devices that people type.
    DEVICE = "device"
    #: Every form with a password or code, also those that are refused for another reason.
    SIGN_IN = "sign_in"
    #: Those of one account in one network, of one known browser, and of one waiting request: a share of `SIGN_IN`.
    ATTEMPT = "attempt"


class RateLimits:
    """One limit a kind of request, counted by network. Safe to use from many threads."""

    def __init__(self, limits: Mapping[Limit, str], *, storage_url: str) -> None:
        """`limits`: by kind, such as "600/minute"; `storage_url`: valkey://..., or empty for this process alone.

        Raises:
            ConfigurationError: a limit or the URL cannot be read.
        """
        self._limits = {kind: _parse(kind, limit) for kind, limit in limits.items()}
        if Limit.SIGN_IN in self._limits:
            self._limits[Limit.ATTEMPT] = _share(self._limits[Limit.SIGN_IN])
        self._here = {kind: SlidingWindow(limit.amount, limit.get_expiry()) for kind, limit in self._limits.items()}
        self._shared = _shared_limiter(storage_url) if storage_url else None
        self._away_until = 0.0
        self._lock = threading.Lock()

    def admit(self, kind: Limit, network: str) -> None:
        """Count a request.

        Raises:
            TooManyRequests: the limit was reached before it.
        """
        if not self.hit(kind, network):
            self._refuse(kind)

    def hit(self, kind: Limit, key: str) -> bool:
        """Count; False, and not counted, when the limit was reached before."""
        shared = self._shared_while_there()
        if shared is not None:
            try:
                return shared.hit(self._limits[kind], kind, key)
            except StorageError as error:
                self._leave_alone(error)
        return self._here[kind].hit(key)

    def pace(self, kind: Limit, network: str) -> Pace:
        """Count, and return how fast this network may be answered."""
        admitted = self.hit(kind, network)
        used = 1 - self._left(kind, network) / self._limits[kind].amount if admitted else 1.0
        return Pace(used, admitted, self._whole_window(kind))

    def shared_storage_answers(self) -> bool:
        """Report whether the storage that all replicas share is there and takes our password; False without one."""
        return self._shared is not None and self._shared.storage.check()

    def _left(self, kind: Limit, key: str) -> int:
        shared = self._shared_while_there()
        if shared is not None:
            try:
                return shared.get_window_stats(self._limits[kind], kind, key).remaining
            except StorageError as error:
                self._leave_alone(error)
        return self._here[kind].left(key)[0]

    def _whole_window(self, kind: Limit) -> timedelta:
        """Return what a refused caller is told to wait: it slides, so an exact moment would promise too much."""
        return timedelta(seconds=self._limits[kind].get_expiry())

    def _refuse(self, kind: Limit) -> NoReturn:
        raise TooManyRequests("too many requests from this network", self._whole_window(kind))

    def _shared_while_there(self) -> RateLimiter | None:
        return None if self._shared is None or time.monotonic() < self._away_until else self._shared

    def _leave_alone(self, error: StorageError) -> None:
        with self._lock:
            if time.monotonic() >= self._away_until:
                _log.warning("rate limits are counted in this process: %s", type(error.storage_error).__name__)
            self._away_until = time.monotonic() + _PAUSE


def _parse(kind: Limit, limit: str) -> RateLimitItem:
    try:
        item = parse(limit)
    except ValueError as error:
        raise ConfigurationError(f"AUTH_RATE_LIMIT_{kind.upper()}: write it like 600/minute, not {limit!r}") from error
    if item.amount < 1:  # everybody would be refused
        raise ConfigurationError(f"AUTH_RATE_LIMIT_{kind.upper()}: write it like 600/minute, not {limit!r}")
    return item


def _share(whole: RateLimitItem) -> RateLimitItem:
    """Return a fifth of a limit, or ten, or all of it if it is less."""
    return type(whole)(max(whole.amount // 5, min(whole.amount, 10)), whole.multiples)


def _shared_limiter(url: str) -> RateLimiter:
    try:
        storage = storage_from_string(
            url, wrap_exceptions=True, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE
        )
    except Exception as error:  # noqa: BLE001 - of several kinds, some of which hold the URL with its password
        raise ConfigurationError(f"AUTH_RATE_LIMIT_STORAGE_URL: cannot be used: {type(error).__name__}") from None
    return SlidingWindowCounterRateLimiter(storage)
