"""Proof Key for Code Exchange: only who began the sign-in can redeem its code.

Spec: RFC 7636
"""

import base64
import hashlib
import secrets


def new_verifier() -> str:
    """Return a fresh code verifier of 256 bits. Spec: RFC 7636 s4.1"""
    return secrets.token_urlsafe(32)


def s256_challenge(verifier: str) -> str:
    """Return the challenge to send ahead of `verifier`. Spec: RFC 7636 s4.2"""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
