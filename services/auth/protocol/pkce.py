"""PKCE, S256 only, demanded wherever the client's policy does not make the exception.

Spec: RFC 7636, RFC 9700 s2.1.1, OAuth 2.1 s4.1.1 and s7.5
"""

import hmac
import re
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def _verifier_fits(verifier: str, challenge: str) -> bool:
    return hmac.compare_digest(create_s256_code_challenge(verifier), challenge)


class S256CodeChallenge(CodeChallenge):
    """Authlib's extension without `plain`, at both endpoints."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]
    CODE_CHALLENGE_METHODS: ClassVar = {"S256": _verifier_fits}

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if "code_challenge" in data and data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("The code_challenge_method must be S256.")
        if "code_challenge" in data and not _S256_CHALLENGE.fullmatch(data["code_challenge"]):
            raise InvalidRequestError("The code_challenge must be 43 base64url characters.")  # a SHA-256
        if "code_challenge" not in data and grant.request.client.client.pkce_required:
            raise InvalidRequestError("A code_challenge is required.")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:
        del authorization_code
        return "S256"
