"""The OpenID Provider as the app sees it: discovery, keys, and the endpoints that it posts to.

Spec: RFC 8414, OpenID Connect Discovery s4, RFC 6749 s3.2, RFC 7009, RFC 7517, RFC 9449 s5
"""

import threading
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt

from mobile.authorization import Registration, printable
from mobile.errors import IdTokenRejected, InvalidGrant, MobileError, NotYet, Offline, ProviderError, SignInRefused
from mobile.network import later, origin, safe_for_tokens, send, unavailable
from mobile.prover import ALGORITHM, Prover
from mobile.tokens import TokenAnswer


@dataclass(frozen=True)
class Metadata:
    """The part of the discovery document that the app uses."""

    authorization_endpoint: str
    token_endpoint: str
    userinfo_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    iss_in_response: bool
    takes_proofs: bool
    device_authorization_endpoint: str | None


class Provider:
    """One provider, asked over `http`. What it says of itself is fetched on first use and kept while this lives."""

    def __init__(self, registration: Registration, http: httpx2.Client) -> None:
        self._registration = registration
        self._http = http
        self._metadata: Metadata | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._keys_lock = threading.Lock()

    def metadata(self) -> Metadata:
        """Return what the provider says of itself.

        Raises:
            Offline: it cannot be reached now.
            ProviderError: the document names another issuer, or lacks an endpoint.
        """
        if self._metadata is None:
            self._metadata = self._discover()
        return self._metadata

    def signing_key(self, kid: str) -> jwt.PyJWK:
        """Return the public key `kid`; an unknown one is looked for once more, since keys rotate.

        Raises:
            IdTokenRejected: the provider publishes no such RSA key.
        """
        with self._keys_lock:
            if kid not in self._keys:
                document = self._get_json(self.metadata().jwks_uri)
                self._keys = dict(_rsa_keys(document))
            if kid not in self._keys:
                raise IdTokenRejected("the ID token is signed by a key that the provider does not publish (kid)")
            return self._keys[kid]

    def token(self, *, prover: Prover | None = None, **form: str) -> TokenAnswer:
        """Post to /token as this public client and return its answer, not yet checked. Spec: RFC 6749 s5

        `prover`: proves that the app holds its key.

        Raises:
            Offline: no answer, or not for the moment. Whether the provider acted on the request is unknown.
            InvalidGrant: the code or refresh token is dead.
            ProviderError: any other refusal, or an answer that is not a JSON object.
        """
        form["client_id"] = self._registration.client_id  # RFC 6749 s3.2.1: a public client identifies itself
        return TokenAnswer(self.read(self._post(self.metadata().token_endpoint, form, prover)))

    def device_authorization(self, scope: str) -> dict[str, Any]:
        """Ask for the codes of a sign-in in a browser elsewhere. Spec: RFC 8628 s3.1

        Raises:
            Offline, ProviderError: it gave none, or knows no such sign-in.
        """
        endpoint = self.metadata().device_authorization_endpoint
        if endpoint is None:
            raise ProviderError(f"{self._registration.issuer} does not sign devices in")
        form = {"client_id": self._registration.client_id, "scope": scope}
        return self.read(self._post(endpoint, form))

    def revoke(self, token: str) -> None:
        """Ask the provider to accept `token` no longer. Spec: RFC 7009 s2.1

        Raises:
            Offline, ProviderError: it did not confirm.
        """
        form = {"token": token, "token_type_hint": "refresh_token", "client_id": self._registration.client_id}
        self._answered(self._post(self.metadata().revocation_endpoint, form))

    def read(self, response: httpx2.Response) -> dict[str, Any]:
        """Return the JSON object of an answer of the provider's.

        Raises:
            Offline, InvalidGrant, ProviderError: by its status and error code.
        """
        return _json_object(self._answered(response))

    def _discover(self) -> Metadata:
        issuer = self._registration.issuer
        document = self._get_json(f"{issuer}/.well-known/openid-configuration")
        if document.get("issuer") != issuer:  # simple string comparison, RFC 8414 s3.3
            raise ProviderError(
                f"what answers at {issuer} is another issuer: give its address exactly as it names itself (--issuer)"
            )
        names = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "revocation_endpoint", "jwks_uri")
        endpoints = {name: str(document.get(name, "")) for name in names}
        for name, url in endpoints.items():
            if not safe_for_tokens(url):
                raise ProviderError(f"the provider's {name} is missing or not https")
        promised = document.get("authorization_response_iss_parameter_supported") is True
        algorithms = document.get("dpop_signing_alg_values_supported")
        takes_proofs = isinstance(algorithms, list) and ALGORITHM in algorithms
        device = document.get("device_authorization_endpoint")
        if not isinstance(device, str) or not safe_for_tokens(device):
            device = None
        return Metadata(
            **endpoints,
            iss_in_response=promised,
            takes_proofs=takes_proofs,
            device_authorization_endpoint=device,
        )

    def _get_json(self, url: str) -> dict[str, Any]:
        return self.read(send(self._http, self._http.build_request("GET", url)))

    def _post(self, url: str, form: dict[str, str], prover: Prover | None = None) -> httpx2.Response:
        def build() -> httpx2.Request:
            return self._http.build_request("POST", url, data=form, headers={"Accept": "application/json"})

        return send(self._http, build()) if prover is None else prover.send(build)

    def _answered(self, response: httpx2.Response) -> httpx2.Response:
        if response.status_code == 200:
            return response
        if unavailable(response):
            raise Offline(f"{self._registration.issuer} answers {response.status_code}: {later(response)}")
        error = _error_code(response)
        # by the code in a 4xx alone: a broken proxy or a 500 must not sign anyone out
        if error == "invalid_grant" and response.status_code in {400, 401}:
            raise InvalidGrant("the provider no longer takes it")
        if error in {"authorization_pending", "slow_down"} and response.status_code == 400:
            raise NotYet(too_soon=error == "slow_down")
        if error in {"access_denied", "expired_token"} and response.status_code == 400:
            raise SignInRefused("the sign-in was not allowed, or nobody answered in time")
        raise ProviderError(f"{self._registration.issuer} answers {response.status_code} {error}".rstrip())


def _json_object(response: httpx2.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except (ValueError, RecursionError) as error:
        raise ProviderError(f"{origin(str(response.url))} answered something that is not JSON") from error
    if not isinstance(document, dict):
        raise ProviderError(f"{origin(str(response.url))} answered JSON that is not an object")
    return document


def _error_code(response: httpx2.Response) -> str:
    try:
        return printable(_json_object(response).get("error", ""))
    except MobileError:
        return ""


def _rsa_keys(document: dict[str, Any]) -> list[tuple[str, jwt.PyJWK]]:
    keys = document.get("keys")
    found = []
    for jwk in keys if isinstance(keys, list) else []:
        # never a symmetric key, never one for another use: RFC 8725 s3.1
        if not isinstance(jwk, dict) or jwk.get("kty") != "RSA" or jwk.get("use", "sig") != "sig":
            continue
        try:
            found.append((str(jwk["kid"]), jwt.PyJWK(jwk, algorithm="RS256")))
        except (KeyError, TypeError, ValueError, jwt.PyJWTError):
            continue  # one unusable key does not spoil the others: RFC 7517 s5
    return found
