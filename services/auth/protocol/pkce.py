"""PKCE, S256 only, demanded wherever the client's policy does not make the exception.

Spec: RFC 7636 s4, RFC 9700 s2.1.1 and s4.8.2, OAuth 2.1 s4.1.1 and s7.5
"""

import hmac
import re

from services.auth.audit import Refusal
from services.auth.protocol.errors import InvalidGrant, InvalidRequest

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9\-._~]{43,128}")


def validate_code_challenge(challenge: str | None, method: str | None, *, required: bool) -> None:
    """Check the challenge of an authorization request.

    Raises:
        InvalidRequest: it is missing though `required`, malformed, or of another method than S256.
    """
    if challenge is None:
        if required:
            raise InvalidRequest(Refusal.CHALLENGE_REQUIRED, "A code_challenge is required.")
        if method is not None:
            raise InvalidRequest(Refusal.CHALLENGE_MISSING, "Missing 'code_challenge'")
        return
    if method != "S256":
        raise InvalidRequest(Refusal.CHALLENGE_METHOD, "The code_challenge_method must be S256.")
    if not _S256_CHALLENGE.fullmatch(challenge):
        # a SHA-256
        raise InvalidRequest(Refusal.CHALLENGE_MALFORMED, "The code_challenge must be 43 base64url characters.")


def verify_code_verifier(verifier: str | None, challenge: str | None, *, required: bool) -> None:
    """Check what the client proves that it began the request by. `required`: also where the code has no challenge.

    Raises:
        InvalidRequest: it is missing, malformed, or belongs to a request without a challenge (RFC 9700 s4.8.2).
        InvalidGrant: it is not what the challenge was made of.
    """
    if verifier is None:
        if required or challenge is not None:
            raise InvalidRequest(Refusal.CODE_VERIFIER_MISSING, "Missing 'code_verifier'")
        return
    if challenge is None:
        raise InvalidRequest(
            Refusal.CODE_VERIFIER_UNASKED,
            "The authorization request had no 'code_challenge', but a 'code_verifier' was provided.",
        )
    if not _VERIFIER.fullmatch(verifier):
        raise InvalidRequest(Refusal.CODE_VERIFIER_MALFORMED, "Invalid 'code_verifier'")
    from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415 - it brings all of Authlib's server

    expected: str = create_s256_code_challenge(verifier)
    if not hmac.compare_digest(expected, challenge):
        raise InvalidGrant(Refusal.CODE_VERIFIER_WRONG, "Code challenge failed.")
