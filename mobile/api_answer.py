"""An API's answer, read: the JSON of a good one, and a sentence for any other.

Spec: RFC 9457 s3.1, RFC 6750 s3.1
"""

from typing import Any

import httpx2

from mobile.authorization import printable
from mobile.challenge import Challenge
from mobile.errors import ApiError, Offline
from mobile.network import later, origin, unavailable


def read_answer(response: httpx2.Response) -> dict[str, Any]:
    """Return the JSON of an API's good answer.

    Raises:
        Offline: the API is away for the moment.
        ApiError: any other status, with what its problem document (RFC 9457) or challenge (RFC 6750) says.
    """
    where = origin(str(response.url)) + response.url.path
    if unavailable(response):
        raise Offline(f"{where} answers {response.status_code}: {later(response)}")
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    if response.status_code != 200:
        problem = document if isinstance(document, dict) else {}
        said = [printable(problem.get("detail") or problem.get("title") or "", 200)]
        if (missing := Challenge.read(response)).error == "insufficient_scope":
            said.append(f"(your sign-in lacks the scope {printable(missing.scope)})")
        if isinstance(problem.get("legal_moves"), list):
            said.append(f"(possible now: {printable(', '.join(map(str, problem['legal_moves'])) or 'nothing')})")
        raise ApiError(" ".join([f"{where} answers {response.status_code}", *filter(None, said)]))
    if not isinstance(document, dict):
        raise ApiError(f"{where} answers something that is not a JSON object")
    return document
