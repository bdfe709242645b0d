"""One table: a bad client entry, and the sentence that says what to change."""

from copy import deepcopy
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from services.auth.clients.metadata import doubled_address_fault, jwks_fault, unknown_name_fault
from services.auth.clients.redirect_uris import is_registered
from services.auth.provisioning.client_entry import CLIENT_NAMES, ClientEntry
from services.auth.provisioning.parse import parse_configuration
from shared.errors import ConfigurationError
from tests.support.clients import JOB_ENTRY as JOB
from tests.support.clients import NATIVE_ENTRY as NATIVE
from tests.support.clients import WEB_ENTRY as WEB


def parse(entry: dict[str, Any], *, local: bool = False) -> ClientEntry:
    return parse_configuration({"clients": [deepcopy(entry)]}, local=local).clients[0]


def sentence(entry: dict[str, Any], *, local: bool = False) -> str:
    with pytest.raises(ConfigurationError, match=r"^clients\.app") as error:
        parse(entry, local=local)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("entry", [NATIVE, WEB, JOB], ids=["native", "web", "job"])
def test_a_good_entry_is_taken(entry: dict[str, Any]) -> None:
    assert parse(entry).client_id == "app"


ADDRESSES = [
    ("https://*.app.example/callback", "may hold no wildcard; register each address in full"),
    ("https://app.example/*", "may hold no wildcard"),
    ("https://app.example/cb#", "may hold no fragment; remove # and what follows"),
    ("https://app.example/cb#x", "may hold no fragment"),
    ("https://app.example/a b", "escape it (%20)"),
    ("https://app.ex\u0430mple/", "non-ASCII character"),
    ("https://app.example/\\..\\", "backslash"),
    ("https://app.example/\x00", "control"),
    ("https://app.example/%zz", "write %25 for the character itself"),
    ("https://app.example/%", "write %25"),
    ("https://app.example/" + "a" * 2000, "at most 2000 characters"),
    ("javascript:alert(1)", "a redirect is an https address, a loopback address or a private-use scheme"),
    ("data:text/html,x", "a redirect is an https address"),
    ("vbscript:x", "a redirect is an https address"),
    ("file:///etc/passwd", "a redirect is an https address"),
    ("blob:https://app.example/1", "a redirect is an https address"),
    ("intent://x", "a redirect is an https address"),
    ("callback", "a redirect is an https address"),
    ("//app.example/callback", "a redirect is an https address"),
    ("", "non-ASCII character"),
    ("HTTPS://app.example/", "write the scheme in lower case, as it will come: https:"),
    ("Com.Example.App:/x", "write the scheme in lower case, as it will come: com.example.app:"),
    ("https://APP.example/", "write the host in lower case, as browsers do: app.example"),
    ("https://xn--80ak6aa92e.com/", "its host is punycode, which can be shown as another's name"),
    ("https://login.xn--pple-43d.com/", "its host is punycode"),
    ("https://app.example./", "write the whole address, with a host name (no dot at its end)"),
    ("https://app..example/", "write the whole address"),
    ("https://-app.example/", "write the whole address"),
    ("https:///callback", "write the whole address"),
    ("https:callback", "write the whole address"),
    ("https://app.example:0/", "a port of 1 to 65535"),
    ("https://app.example:65536/", "check its host and port (1 to 65535)"),
    ("https://app.example:99999/", "check its host and port"),
    ("https://app.example:port/", "check its host and port"),
    ("https://app.example:/", "write the whole address"),
    ("http://127.0.0.1:65536/x", "check its host and port"),
    ("https://[::1", "check its host and port"),
    ("https://app.example/a/../callback", "its path may hold no . or .. segment; write where it leads"),
    ("https://app.example/a/%2e%2E/callback", "its path may hold no . or .. segment"),
    ("https://app.example/./callback", "its path may hold no . or .. segment"),
    ("https://app.example/..", "its path may hold no . or .. segment"),
    ("com.example.app:/a/../b", "its path may hold no . or .. segment"),
    ("http://app.example/callback", "http is for loopback addresses (127.0.0.1, [::1]) alone; use https"),
    ("http://127.0.0.2/callback", "http is for loopback addresses"),
    ("http://localhost:9100/callback", "http is for loopback addresses"),
    ("http://localhost.evil/callback", "http is for loopback addresses"),
]


@pytest.mark.requirement("RFC9700-2.1-http", "OAUTH21-2.3")
@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_redirect_uris"])
@pytest.mark.parametrize(("uri", "said"), ADDRESSES)
def test_a_bad_address(field: str, uri: str, said: str) -> None:
    assert said in sentence({**NATIVE, field: [uri]})


@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri"])
def test_a_password_in_an_address_is_not_repeated(field: str) -> None:
    uri = "https://user:hunter2@app.example/"
    said = sentence({**WEB, field: uri if field == "backchannel_logout_uri" else [uri]})
    assert "may hold no user information; remove what stands before the @" in said
    assert "hunter2" not in said


@pytest.mark.requirement("RFC9700-2.4", "RFC9700-2.1.2", "RFC8252-7.1", "RFC8252-8.5")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"redirect_uris": ["myapp://callback"]}, "a private-use scheme is a reversed domain name (com.example.app)"),
        ({"client_secret": "x" * 40}, "a public client holds no secret; remove it or set"),
        ({"also_allow_client_secret_post": True}, "a public client holds no secret"),
        ({"require_pkce": False}, "require_pkce can be false for a confidential client alone"),
        ({"grant_types": ["authorization_code", "client_credentials"]}, "needs a confidential client"),
        ({"redirect_uris": []}, "redirect_uris and the grant type authorization_code come together"),
        ({"response_types": []}, "response_types [code] and the grant type authorization_code come together"),
        ({"response_types": ["token"]}, "response_types.0: Input should be 'code'"),
        ({"response_types": ["code", "id_token"]}, "response_types.1: Input should be 'code'"),
        ({"grant_types": ["implicit"]}, "grant_types.0: Input should be"),
        ({"grant_types": ["password"]}, "grant_types.0: Input should be"),
        ({"client_name": "App\u202egpj"}, "write a name without control or direction characters"),
        ({"client_name": "   "}, "write a name"),
        ({"client_name": "A\nB"}, "write a name"),
        ({"jwks": {"keys": []}}, "with 1 to 10 public keys"),
        ({"redirect_uris": ["com.example.app:/x", "com.example.app:/x"]}, "is there twice"),
        ({"redirect_uris": ["http://127.0.0.1/x", "http://127.0.0.1:8080/x"]}, "stands for every port; remove one"),
        ({"redirect_uris": ["https://a.example/", "https://a.example/"]}, "is there twice"),
        ({"redirect_uris": "com.example.app:/x"}, "redirect_uris: Input should be a valid list"),
        ({"scope": "openid crm:read"}, "scope: no API has crm:read"),
    ],
)
def test_a_bad_native_entry(changes: dict[str, Any], said: str) -> None:
    assert said in sentence({**NATIVE, **changes})


@pytest.mark.requirement("RFC8252-8.4")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"redirect_uris": ["com.example.app:/x"]}, "a private-use scheme is a native client's"),
        ({"post_logout_redirect_uris": ["com.example.app:/x"]}, "a private-use scheme is a native client's"),
        (
            {"grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"]},
            "the device grant is for application_type: native",
        ),
        ({"client_secret": None}, "a confidential client needs a client_secret of 32 characters or more"),
        ({"client_secret": "short"}, "client_secret: String should have at least 32 characters"),
        ({"backchannel_logout_uri": "com.example.app:/out"}, "logout tokens are posted from this server"),
        ({"backchannel_logout_uri": "http://127.0.0.1/out"}, "logout tokens are posted from this server"),
        ({"backchannel_logout_uri": "http://app.example/out"}, "use https"),
        ({"backchannel_logout_uri": "https://app.example/out#x"}, "may hold no fragment"),
        ({"backchannel_logout_uri": ["https://a.example/"]}, "backchannel_logout_uri: Input should be a valid string"),
        ({"jwks_uri": "https://app.example/jwks"}, "keys are registered by value: write them into jwks"),
        ({"client_uri": "https://app.example/x"}, "client_uri: not shown here; remove it"),
        ({"logo_uri": "http://app.example/x"}, "write an https address, which is kept and not shown, or a data: URI"),
        ({"logo_uri": "data:image/png;base64,PGh0bWw+"}, "logo_uri: a logo is a PNG, WebP, JPEG or SVG"),
        ({"policy_uri": "javascript:alert(1)"}, "policy_uri: people are led there: write an https address"),
        ({"tos_uri": "http://app.example/"}, "tos_uri: people are led there: write an https address"),
        ({"redirect_uri": "https://app.example/"}, "redirect_uri: is not a known name; did you mean redirect_uris?"),
        ({"redirectUris": []}, "did you mean redirect_uris?"),
        ({"require_PKCE": False}, "did you mean require_pkce?"),
        ({"zzz": 1}, "zzz: is not a known name; remove it"),
        ({"token_endpoint_auth_signing_alg": "ES256"}, "is for private_key_jwt alone; remove it"),
        ({"token_endpoint_auth_signing_alg": "none"}, "token_endpoint_auth_signing_alg: Input should be"),
        ({"token_endpoint_auth_signing_alg": "HS256"}, "token_endpoint_auth_signing_alg: Input should be"),
        ({"token_endpoint_auth_method": "client_secret_jwt"}, "token_endpoint_auth_method: Input should be"),
        ({"access_token_lifetime": 86_400}, "access_token_lifetime: Input should be 60 to 3600 whole seconds"),
    ],
)
def test_a_bad_web_entry(changes: dict[str, Any], said: str) -> None:
    assert said in sentence({**WEB, **changes})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grant_types": ["refresh_token"]}, "the grant type refresh_token comes with authorization_code"),
        ({"response_types": ["code"]}, "response_types [code] and the grant type authorization_code come together"),
        ({"redirect_uris": ["https://app.example/"]}, "redirect_uris and the grant type authorization_code"),
        ({"post_logout_redirect_uris": ["https://app.example/"]}, "who signs nobody in is told of no logout"),
        ({"backchannel_logout_uri": "https://app.example/"}, "who signs nobody in is told of no logout"),
    ],
)
def test_a_bad_machine_entry(changes: dict[str, Any], said: str) -> None:
    assert said in sentence({**JOB, **changes})


def test_client_ids_that_differ_by_case_alone_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^clients: app is there twice"):
        parse_configuration({"clients": [NATIVE, {**NATIVE, "client_id": "APP"}]}, local=True)


def test_localhost_is_for_local_stacks() -> None:
    entry = {**WEB, "redirect_uris": ["http://localhost:9100/x"], "backchannel_logout_uri": "http://localhost:9100/out"}
    assert parse(entry, local=True)
    with pytest.raises(ConfigurationError) as error:
        parse(entry)
    assert [line.split(": ")[0] for line in str(error.value).splitlines()] == [
        "clients.app.redirect_uris",
        "clients.app.backchannel_logout_uri",
    ]
    assert str(error.value).count("http is for loopback addresses") == 2


def test_an_address_with_and_without_a_slash_are_two() -> None:
    both = ["https://app.example", "https://app.example/"]
    entry = parse({**WEB, "redirect_uris": both, "post_logout_redirect_uris": both})
    assert [*entry.redirect_uris] == [*entry.post_logout_redirect_uris] == both
    assert is_registered("https://app.example/", entry.redirect_uris)
    assert not is_registered("https://app.example/", ["https://app.example"]), "exact strings are different strings"


def test_addresses_that_differ_stand_for_themselves() -> None:
    uris = ["https://a.example/x", "https://a.example/X", "https://a.example/x?y", "https://a.example:8443/x"]
    assert (
        doubled_address_fault([*uris, "http://127.0.0.1/x", "http://[::1]/x", "http://localhost:1/", "a.b:/x"]) is None
    )


# ---------------------------------------------------------------- keys by value


def rsa_jwk(bits: int = 2048, exponent: int = 65_537) -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=exponent, key_size=bits)
    return RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": "1"}


RSA = rsa_jwk()
EC = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True) | {"kid": "2"}
EC_PRIVATE = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True) | {"kid": "2"}
EC_384 = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key(), as_dict=True) | {"kid": "2"}


def test_public_rsa_and_ec_keys_are_taken() -> None:
    for jwk in (RSA, EC):
        jwk.pop("key_ops", None)
    assert jwks_fault({"keys": [RSA, EC, {**RSA, "kid": "3", "use": "sig", "alg": "PS256"}]}) is None


@pytest.mark.parametrize(
    ("jwk", "said"),
    [
        (EC_PRIVATE, "holds private members"),
        ({**RSA, "d": "AQAB"}, "holds private members"),
        ({**RSA, "k": "c2VjcmV0"}, "holds private members"),
        ({"kty": "oct", "kid": "1"}, "is of another kind: register an RSA key or an EC key on P-256"),
        ({"kid": "1"}, "is of another kind"),
        ({**RSA, "kid": ""}, "has no kid"),
        ({name: value for name, value in RSA.items() if name != "kid"}, "has no kid"),
        ({**RSA, "use": "enc"}, "is for another use"),
        ({**RSA, "alg": "none"}, "is for another alg; use RS256 or PS256"),
        ({**RSA, "alg": "HS256"}, "is for another alg"),
        ({**EC, "alg": "RS256"}, "is for another alg; use ES256"),
        (rsa_jwk(1024), "has 1024 bits; an RSA key has 2048 to 4096"),
        (rsa_jwk(2048, 3), "is not a sound RSA key"),
        ({**RSA, "n": "%%%"}, "has no n and e in base64url"),
        ({**RSA, "e": None}, "has no n and e in base64url"),
        (EC_384, "is on another curve"),
        ({**EC, "x": EC["y"]}, "is not a point of P-256"),
        ({**EC, "x": 7}, "is not a point of P-256"),
        ("a key", "is not a JWK"),
    ],
)
def test_a_bad_key(jwk: Any, said: str) -> None:
    fault = jwks_fault({"keys": [jwk]})
    assert fault is not None and said in fault
    assert "c2VjcmV0" not in fault


def test_the_algorithm_is_one_that_a_key_can_make() -> None:
    entry = {**WEB, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [EC]}}
    del entry["client_secret"]
    assert parse({**entry, "token_endpoint_auth_signing_alg": "ES256"})
    assert "no key of jwks is for RS256; add one" in sentence({**entry, "token_endpoint_auth_signing_alg": "RS256"})
    del entry["jwks"]
    assert "jwks and the token_endpoint_auth_method private_key_jwt come together" in sentence(entry)


@pytest.mark.parametrize("jwks", [{}, {"keys": []}, {"keys": {}}, {"keys": [RSA] * 11}, {"keys": [RSA], "x": 1}, RSA])
def test_a_bad_set(jwks: dict[str, Any]) -> None:
    assert "with 1 to 10 public keys" in (jwks_fault(jwks) or "")


def test_two_keys_of_one_kid_are_refused() -> None:
    assert "has the kid of another one" in (jwks_fault({"keys": [RSA, RSA]}) or "")


@pytest.mark.parametrize("name", ["clientId", "client-id", "CLIENT_ID", "client_ids"])
def test_the_nearest_name_is_named(name: str) -> None:
    assert unknown_name_fault(name, CLIENT_NAMES) == "is not a known name; did you mean client_id?"
