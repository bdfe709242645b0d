"""An authenticator in software, which signs what it is asked to, also what an honest one would not.

Spec: WebAuthn Level 3 s6.1 (authenticator data), s6.5 (attestation), s5.8.1 (client data)
"""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from services.auth.opaque_token import b64url, unb64url

_PRESENT, _VERIFIED, _ELIGIBLE, _BACKED_UP, _ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


@dataclass
class Authenticator:
    """One credential of one user. `counts`: whether it counts its signatures."""

    origin: str
    verifies: bool = True
    synced: bool = True
    counts: bool = False
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: str = ""

    def create(self, options: dict[str, Any], **changes: Any) -> str:
        """Answer PublicKeyCredentialCreationOptionsJSON; `changes` to `origin`, `type`, `challenge`, `rp_id`."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        public_key = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public_key
        data = self._data(changes.get("rp_id", options["rp"]["id"]), _ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options, changes)
        response = {
            "clientDataJSON": b64url(client_data),
            "attestationObject": b64url(attestation),
            "transports": ["internal", "hybrid"],
        }
        return self._credential(response, {"credProps": {"rk": True}})

    def get(self, options: dict[str, Any], **changes: Any) -> str:
        """Answer PublicKeyCredentialRequestOptionsJSON; `changes` also to `user_handle`."""
        self.count += self.counts
        data = self._data(changes.get("rp_id", options["rpId"]), 0)
        client_data = self._client_data("webauthn.get", options, changes)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": b64url(client_data),
            "authenticatorData": b64url(data),
            "signature": b64url(signature),
            "userHandle": changes.get("user_handle", self.user_handle) or None,
        }
        return self._credential(response, {})

    def _data(self, rp_id: str, more: int) -> bytes:
        flags = _PRESENT | more | (_VERIFIED if self.verifies else 0) | (_ELIGIBLE | _BACKED_UP if self.synced else 0)
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: dict[str, Any], changes: dict[str, Any]) -> bytes:
        told = {
            "type": changes.get("type", kind),
            "challenge": changes.get("challenge", options["challenge"]),
            "origin": changes.get("origin", self.origin),
            "crossOrigin": changes.get("cross_origin", False),
        }
        assert unb64url(told["challenge"])
        return json.dumps(told).encode()

    def _credential(self, response: dict[str, Any], extensions: dict[str, Any]) -> str:
        identity = b64url(self.credential_id)
        return json.dumps(
            {
                "id": identity,
                "rawId": identity,
                "type": "public-key",
                "authenticatorAttachment": "platform",
                "response": response,
                "clientExtensionResults": extensions,
            }
        )
