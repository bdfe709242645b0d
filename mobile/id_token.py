"""Validation of ID tokens: every check of the specification, time by the app's own clock.

Policy: ADR-0054
Spec: OpenID Connect Core s3.1.3.7 (at sign-in), s12.2 (at refresh), s3.1.3.8 (at_hash)
"""

import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from mobile.errors import ClockSkew, IdTokenRejected, OtherPerson
from shared.clock import moment

#: A device's clock is often wrong by minutes. The ID token comes from the provider itself, over TLS, and its nonce says
#: that it is new, so its times add little: a wrong clock must not keep anybody out.
LEEWAY = timedelta(minutes=10)

Claims = Mapping[str, Any]


@dataclass(frozen=True)
class IdTokenValidator:
    """Knows whose ID tokens this app takes. `signing_key` finds the provider's public key by its kid."""

    issuer: str
    client_id: str
    signing_key: Callable[[str], jwt.PyJWK]

    def at_sign_in(self, id_token: str, *, access_token: str, nonce: str | None, now: datetime) -> Claims:
        """Return the claims of an ID token that came with a redeemed code, or (no `nonce`) with a device's.

        Raises:
            IdTokenRejected: it fails a check (ClockSkew: only by its times).
            Offline, ProviderError: the provider's keys cannot be had.
        """
        claims = self._verify_signature(id_token)
        self._check(claims, access_token, now)
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), (nonce or "").encode()):
            raise IdTokenRejected("the ID token was made for another sign-in (nonce)")
        return claims

    def at_refresh(self, id_token: str, *, access_token: str, original: Claims, now: datetime) -> Claims:
        """Return the claims of an ID token that came with a refresh: about the same person, the same sign-in.

        Raises:
            OtherPerson: it is the provider's, and about somebody else. This is found before all other faults.
            IdTokenRejected: it fails another check (ClockSkew: only by its times).
            Offline, ProviderError: the provider's keys cannot be had.
        """
        claims = self._verify_signature(id_token)
        if claims["sub"] != original["sub"]:
            raise OtherPerson("the refreshed ID token is about somebody else (sub); sign out, then sign in again")
        self._check(claims, access_token, now)
        for name in ("auth_time", "nonce", "azp"):
            if name in claims and claims[name] != original.get(name):
                raise IdTokenRejected(f"the refreshed ID token is about another sign-in ({name})")
        return claims

    def _check(self, claims: Claims, access_token: str, now: datetime) -> None:
        if claims["iss"] != self.issuer:
            raise IdTokenRejected("the ID token names another issuer (iss)")
        self._check_audience(claims)
        if "at_hash" in claims and claims["at_hash"] != at_hash(access_token):
            raise IdTokenRejected("ID token and access token do not belong together (at_hash)")
        _check_time(claims, now)

    def _verify_signature(self, id_token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(id_token)
            if header.get("alg") != "RS256" or header.get("typ", "JWT") != "JWT" or "crit" in header:
                raise IdTokenRejected("not an ID token that this app takes (alg, typ or crit)")
            claims: dict[str, Any] = jwt.decode(
                id_token,
                self.signing_key(str(header.get("kid"))),
                algorithms=["RS256"],
                # PyJWT would look at the system's clock; time is checked below, by ours
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                    "verify_aud": False,
                    "require": ["iss", "sub", "aud", "exp", "iat"],
                },
            )
        except jwt.PyJWTError as error:
            raise IdTokenRejected(f"the ID token is not valid ({type(error).__name__})") from error
        return claims

    def _check_audience(self, claims: Claims) -> None:
        audience = [claims["aud"]] if isinstance(claims["aud"], str) else claims["aud"]
        if not isinstance(audience, list) or self.client_id not in audience:
            raise IdTokenRejected("the ID token is for another app (aud)")
        if len(audience) > 1 and "azp" not in claims:
            raise IdTokenRejected("the ID token has several audiences and does not name the app that asked (azp)")
        if claims.get("azp", self.client_id) != self.client_id:
            raise IdTokenRejected("the ID token was given to another app (azp)")


def at_hash(access_token: str) -> str:
    """Return the left half of the access token's SHA-256, base64url. Spec: OpenID Connect Core s3.1.3.6"""
    digest = hashlib.sha256(access_token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode("ascii")


def _check_time(claims: Claims, now: datetime) -> None:
    try:
        expires_at, issued_at = moment(claims["exp"]), moment(claims["iat"])
        not_before = moment(claims.get("nbf", claims["iat"]))
    except (TypeError, ValueError, OverflowError) as error:
        raise IdTokenRejected("the ID token's times cannot be read") from error
    if now >= expires_at + LEEWAY:
        raise ClockSkew("the ID token has already run out by this device's clock: set the clock, then sign in again")
    if now < max(issued_at, not_before) - LEEWAY:
        raise ClockSkew("the ID token is from the future by this device's clock: set the clock, then sign in again")
