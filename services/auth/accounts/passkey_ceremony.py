"""The ceremonies of WebAuthn: what a browser is asked, and what its answer proves.

Spec: WebAuthn Level 3 s7.1 (registration), s7.2 (authentication), s5.1.6 (related origins); Policy: ADR-0110
The only importer of webauthn, when the first ceremony takes place: it is half a second of imports.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.auth.accounts.passkey import CHALLENGE_LIFETIME, LONGEST_ID, Passkey
from services.auth.accounts.user import User
from services.auth.opaque_token import b64url

#: Characters of an answer that are read.
LONGEST_ANSWER = 16_384
#: Signatures that are asked for: Ed25519, ECDSA P-256 and RSA (COSE numbers).
_ALGORITHMS = (-8, -7, -257)
#: The base point of P-256, nobody's key: verified for a credential that is not known, so that it takes as long.
_NOBODYS_KEY = bytes.fromhex(
    "a5010203262001215820"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "225820"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_TRANSPORTS = frozenset({"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"})


class RefusedAnswerError(Exception):
    """An answer that proves nothing. `because` is for the audit trail and the tests: callers learn none of it."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(frozen=True)
class RelyingParty:
    """Who asks. `id`: the issuer's host; `origins`: where its pages are, the issuer's own first."""

    id: str
    name: str
    origins: tuple[str, ...]


@dataclass(frozen=True, repr=False)
class Answer:
    """What a browser sent, read and not yet believed."""

    credential: Mapping[str, Any]
    credential_id: bytes
    challenge: bytes


@dataclass(frozen=True)
class Assertion:
    """What an answer to a sign-in proves, and of which passkey."""

    passkey: Passkey
    user_verified: bool
    sign_count: int
    backed_up: bool


@dataclass(frozen=True, repr=False)
class NewCredential:
    """What an answer to a registration brings."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    provider: str
    backup_eligible: bool
    backed_up: bool
    discoverable: bool


def request_options(
    party: RelyingParty, challenge: bytes, *, allowed: Iterable[Passkey] = (), verify_user: bool
) -> dict[str, Any]:
    """Return the PublicKeyCredentialRequestOptionsJSON; without `allowed` the authenticator knows which it holds."""
    return {
        "challenge": b64url(challenge),
        "rpId": party.id,
        "timeout": _milliseconds(),
        "userVerification": "required" if verify_user else "preferred",
        "allowCredentials": [_descriptor(passkey) for passkey in allowed],
    }


def creation_options(party: RelyingParty, challenge: bytes, user: User, present: Iterable[Passkey]) -> dict[str, Any]:
    """Return the PublicKeyCredentialCreationOptionsJSON: a discoverable credential that verifies its user.

    `present`: those of the user, so that no authenticator makes a second one.
    """
    return {
        "rp": {"id": party.id, "name": party.name},
        "user": {"id": user_handle(user.id), "name": user.username, "displayName": user.display_name},
        "challenge": b64url(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in _ALGORITHMS],
        "timeout": _milliseconds(),
        "excludeCredentials": [_descriptor(passkey) for passkey in present],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def read_answer(text: str) -> Answer:
    """Read what a browser sent.

    Raises:
        RefusedAnswerError: it is none.
    """
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json  # noqa: PLC0415 - see the module's head

    if not text or len(text) > LONGEST_ANSWER:
        raise RefusedAnswerError("answer_unreadable")
    try:
        credential = json.loads(text)
        credential_id = base64url_to_bytes(credential["rawId"])
        data = base64url_to_bytes(credential["response"]["clientDataJSON"])
        challenge = parse_client_data_json(data).challenge
        cross_origin = json.loads(data).get("crossOrigin")
    except Exception as error:
        raise RefusedAnswerError("answer_unreadable") from error
    if not 0 < len(credential_id) <= LONGEST_ID:
        raise RefusedAnswerError("answer_unreadable")
    if cross_origin is not None and cross_origin is not False:  # a page of ours is in nobody's frame
        raise RefusedAnswerError("cross_origin")
    return Answer(credential, credential_id, challenge)


def verify_assertion(party: RelyingParty, answer: Answer, passkey: Passkey | None) -> Assertion:
    """Verify an answer to `request_options`, whose challenge was used up before. None: the same work, for nothing.

    The sign count is told, not judged: only a right signature may say that a credential was copied.

    Raises:
        RefusedAnswerError: another origin, site, user or key.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415 - see the module's head

    try:
        verified = verify_authentication_response(
            credential=dict(answer.credential),
            expected_challenge=answer.challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=passkey.public_key if passkey else _NOBODYS_KEY,
            credential_current_sign_count=0,
        )
    except Exception as error:
        raise RefusedAnswerError(_why(error) if passkey else "credential_unknown") from error
    if passkey is None:
        raise RefusedAnswerError("credential_unknown")
    handle = answer.credential["response"].get("userHandle")
    if handle is not None and handle != user_handle(passkey.user_id):
        raise RefusedAnswerError("another_user")
    return Assertion(passkey, verified.user_verified, verified.new_sign_count, verified.credential_backed_up)


def verify_registration(party: RelyingParty, answer: Answer, *, conditional: bool) -> NewCredential:
    """Verify an answer to `creation_options`, whose challenge was used up before.

    `conditional`: the browser made it without asking, which proves nobody's presence (WebAuthn s5.1.3); its use will.

    Raises:
        RefusedAnswerError: another origin or site, nobody was there, or it is no credential that is asked for.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415 - see the module's head
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415

    try:
        verified = verify_registration_response(
            credential=dict(answer.credential),
            expected_challenge=answer.challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_presence=not conditional,
            require_user_verification=not conditional,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in _ALGORITHMS],
        )
        if verified.credential_id != answer.credential_id:  # whose length was read
            raise RefusedAnswerError("another_credential")  # noqa: TRY301 - refused as the others are
        response = answer.credential["response"]
        transports = response.get("transports") or ()
        extensions = answer.credential.get("clientExtensionResults") or {}
        properties = extensions.get("credProps") or {}
        return NewCredential(
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            transports=tuple(sorted(_TRANSPORTS.intersection(map(str, transports)))),
            provider=verified.aaguid,
            backup_eligible=verified.credential_device_type.value == "multi_device",
            backed_up=verified.credential_backed_up,
            discoverable=properties.get("rk") is not False,
        )
    except RefusedAnswerError:
        raise
    except Exception as error:
        raise RefusedAnswerError(_why(error)) from error


def user_handle(user_id: UUID) -> str:
    """Return what an authenticator knows a user by: the bytes of the subject, which tell nobody who it is."""
    return b64url(user_id.bytes)


def _descriptor(passkey: Passkey) -> dict[str, Any]:
    return {"type": "public-key", "id": b64url(passkey.credential_id), "transports": list(passkey.transports)}


def _milliseconds() -> int:
    return int(CHALLENGE_LIFETIME.total_seconds() * 1000)


#: What the library says, and our name for it.
_WHYS = {
    "origin": "another_origin",
    "rp id": "another_site",
    "user verification": "user_not_verified",
    "user was not": "nobody_present",
    "user presence": "nobody_present",
    "signature": "signature_wrong",
    "client data type": "another_ceremony",
}


def _why(error: Exception) -> str:
    said = str(error).casefold()
    return next((name for words, name in _WHYS.items() if words in said), "answer_unreadable")
