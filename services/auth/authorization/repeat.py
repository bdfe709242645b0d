"""A step that a browser sends twice is answered twice alike: a double tap, Enter and a click, an answer that was lost.

Policy: ADR-0062
For a minute the answer to a completed step is kept. It may hold a code or a session cookie, so it is sealed under a key
that is made from the browser's own cookie: neither the database alone nor another browser can open it.
"""

import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from services.auth.keys.encryption import decrypt, encrypt
from services.auth.keys.key_ring import KeyRing

#: For how long the same browser's repeat gets the same answer.
REPEAT_WINDOW = timedelta(seconds=60)


class StepAnswers(Protocol):
    """The port that storage implements."""

    def add(self, step_key: bytes, sealed: bytes, *, expires_at: datetime, now: datetime) -> None:
        """Keep an answer; a step that has one already keeps that."""
        ...

    def find(self, step_key: bytes, now: datetime) -> bytes | None:
        """Return what was kept for the step, unless it has expired."""
        ...

    def forget(self, step_key: bytes) -> bool:
        """Delete it, in one statement; False when it is gone."""
        ...


@dataclass(frozen=True, repr=False)
class Submission:
    """One thing that one browser has sent: a form as it was filled in, or a request's last address.

    `key`: what the row is found by. `ring`: what its answer is sealed with; nobody makes either without the cookie.
    """

    key: bytes
    ring: KeyRing


def submission_of(browser_cookie: str, *sent: object) -> Submission:
    """Return the submission that consists of everything in `sent`; with another field it is another one."""
    text = json.dumps(sent).encode()
    secret = browser_cookie.encode()
    sealing = hmac.digest(secret, b"answer:" + text, "sha256")
    return Submission(hmac.digest(secret, b"step:" + text, "sha256"), KeyRing.of(sealing))


def keep_answer(
    answers: StepAnswers,
    submission: Submission,
    answer: dict[str, Any],
    now: datetime,
    *,
    lifetime: timedelta = REPEAT_WINDOW,
) -> None:
    """Keep what was answered, in the transaction that completes the step."""
    sealed = encrypt(submission.ring, json.dumps(answer).encode(), belongs_to=submission.key.hex())
    answers.add(submission.key, sealed, expires_at=now + lifetime, now=now)


def keep_attempt(answers: StepAnswers, submission: Submission, now: datetime) -> None:
    """Remember that this submission was counted as an attempt."""
    answers.add(_attempt_key(submission), b"", expires_at=now + REPEAT_WINDOW, now=now)


def repeats_attempt(answers: StepAnswers, submission: Submission, now: datetime) -> bool:
    """Say whether this is the second tap of a submission that `keep_attempt` remembers; a third one is an attempt."""
    key = _attempt_key(submission)
    return answers.find(key, now) is not None and answers.forget(key)


def _attempt_key(submission: Submission) -> bytes:
    return hmac.digest(submission.key, b"attempt", "sha256")


def kept_answer(answers: StepAnswers, submission: Submission, now: datetime) -> dict[str, Any] | None:
    """Return what was answered to this very submission in the last minute; None: it is new."""
    sealed = answers.find(submission.key, now)
    if sealed is None:
        return None
    opened: dict[str, Any] = json.loads(decrypt(submission.ring, sealed, belongs_to=submission.key.hex()))
    return opened
