"""Which redirect URIs are a client's, and which may be registered (RFC 9700 s2.1 and s4.1.3, RFC 8252 s7 and s8)."""

from dataclasses import replace

import pytest

from services.auth.clients.redirect_uris import identity_is_assured, redirect_uri_fault
from services.auth.opaque_token import digest
from tests.support.clients import CLIENT


def has(registered: str, asked: str) -> bool:
    return replace(CLIENT, redirect_uris=(registered,)).has_redirect_uri(asked)


@pytest.mark.requirement("RFC9700-2.1", "RFC8252-8.4")
@pytest.mark.parametrize(
    "asked",
    [
        "https://app.example/callback/",
        "https://app.example/Callback",
        "https://APP.example/callback",
        "https://app.example/callback?x=1",
        "https://app.example/callback#",
        "https://app.example:443/callback",
        "https://app.example/a/../callback",
        "https://app.example/%63allback",
        "http://app.example/callback",
        "https://app.example.evil/callback",
        "https://app.example@evil/callback",
        "https://evil/https://app.example/callback",
        " https://app.example/callback",
        "https://app.example/callback\n",
        "",
    ],
)
def test_redirect_uris_are_compared_as_strings(asked: str) -> None:
    assert has("https://app.example/callback", "https://app.example/callback")
    assert not has("https://app.example/callback", asked)


@pytest.mark.requirement("RFC9700-2.1", "RFC8252-7.3")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
@pytest.mark.parametrize("port", ["", ":1", ":80", ":49152", ":65535"])
@pytest.mark.parametrize("rest", ["/callback", "/callback?x=1", "", "/"])
def test_a_loopback_address_may_come_with_any_port(host: str, port: str, rest: str) -> None:
    """RFC 8252 s7.3"""
    assert has(f"http://{host}{rest}", f"http://{host}{port}{rest}")
    assert has(f"http://{host}:8080{rest}", f"http://{host}{port}{rest}")


@pytest.mark.requirement("RFC9700-2.1")
@pytest.mark.parametrize(
    "asked",
    [
        "http://127.0.0.1:80@evil/callback",
        "http://127.0.0.1@evil/callback",
        "http://user@127.0.0.1/callback",
        "http://127.0.0.1.evil/callback",
        "http://127.0.0.1:80.evil/callback",
        "http://127.0.0.1:/callback",
        "http://127.0.0.1:-1/callback",
        "http://127.0.0.1:123456/callback",
        "http://127.0.0.1:8\u0660/callback",
        "http://127.0.0.1:80/callback/",
        "http://127.0.0.1:80/other",
        "http://127.0.0.1:80/callback?x=1",
        "http://127.0.0.1:80/callback#x",
        "http://127.0.0.1:80\\@evil/callback",
        "http://127.0.0.1:80#@evil/callback",
        "http://127.0.0.1:80/callback\n",
        "http://127.0.0.2:80/callback",
        "http://127.1:80/callback",
        "http://2130706433/callback",
        "http://0.0.0.0:80/callback",
        "http://[::1]:80/callback",
        "http://[::]:80/callback",
        "http://localhost:80/callback",
        "https://127.0.0.1:80/callback",
        "HTTP://127.0.0.1:80/callback",
    ],
)
def test_nothing_but_the_port_of_a_loopback_address_may_differ(asked: str) -> None:
    assert not has("http://127.0.0.1/callback", asked)


@pytest.mark.requirement("RFC8252-7.3")
def test_localhost_is_never_matched_by_port() -> None:
    """RFC 8252 s8.3: a name can be made to point elsewhere."""
    assert has("http://localhost:9100/callback", "http://localhost:9100/callback")
    assert not has("http://localhost:9100/callback", "http://localhost:9101/callback")
    assert not has("http://localhost/callback", "http://localhost:9101/callback")


@pytest.mark.parametrize("uri", ["https://app.example/callback", "http://localhost:9100/callback"])
def test_an_address_with_an_owner_assures_identity(uri: str) -> None:
    assert identity_is_assured(uri)


@pytest.mark.parametrize(
    "uri", ["myapp://callback", "com.example:/x", "http://127.0.0.1/x", "http://127.0.0.1:5/x", "http://[::1]:5/x"]
)
def test_an_address_that_any_app_can_take_assures_nothing(uri: str) -> None:
    assert not identity_is_assured(uri)


# ---------------------------------------------------------------- registration


@pytest.mark.requirement("RFC8252-7")
@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example/callback",
        "https://app.example:8443/callback?tenant=1",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:8080/callback",
        "http://[::1]/callback",
        "com.example.app:/callback",
        "com.example.app://callback",
    ],
)
def test_these_may_be_registered_anywhere(uri: str) -> None:
    assert redirect_uri_fault(uri, allow_undotted_scheme=False, local=False) is None


@pytest.mark.requirement("RFC9700-2.1-http", "OAUTH21-2.3")
@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JavaScript://x.example/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "blob:https://app.example/1",
        "about:blank",
        "ws://app.example/",
        "wss://app.example/",
        "ftp://app.example/",
        "https://app.example/#fragment",
        "https://app.example/*",
        "https://*.app.example/callback",
        "com.example.*:/callback",
        "https://app.example/a b",
        "https://app.example/\u00e4",
        "https://app.example/\n",
        'https://app.example/"',
        "https://app.example/\\x",
        "https://user@app.example/",
        "https://user:secret@app.example/",
        "https://@app.example/",
        "https:///callback",
        "https:callback",
        "//app.example/callback",
        "/callback",
        "callback",
        "",
        "http://app.example/callback",
        "http://127.0.0.1.evil/callback",
        "http://127.0.0.2/callback",
        "http://localhost.evil/callback",
    ],
)
@pytest.mark.parametrize("local", [True, False])
def test_these_are_never_registered(uri: str, local: bool) -> None:
    assert redirect_uri_fault(uri, allow_undotted_scheme=True, local=local) is not None


@pytest.mark.parametrize(
    "uri", ["https://[::1", "https://[x]/", "https://[/", "https://app.example:port/", "http://[:"]
)
def test_an_address_that_cannot_be_parsed_is_a_fault_and_no_crash(uri: str) -> None:
    assert redirect_uri_fault(uri, allow_undotted_scheme=False, local=True) is not None


@pytest.mark.requirement("RFC8252-7.1")
def test_a_scheme_without_a_dot_needs_the_flag() -> None:
    """RFC 8252 s7.1 and s8.4: at least reject a scheme with no dot."""
    assert redirect_uri_fault("myapp://callback", allow_undotted_scheme=False, local=True) is not None
    assert redirect_uri_fault("myapp://callback", allow_undotted_scheme=True, local=False) is None


def test_http_localhost_is_for_local_stacks_alone() -> None:
    assert redirect_uri_fault("http://localhost:9100/x", allow_undotted_scheme=False, local=True) is None
    assert redirect_uri_fault("http://localhost:9100/x", allow_undotted_scheme=False, local=False) is not None


# ---------------------------------------------------------------- secrets and PKCE


def test_each_of_several_secrets_is_good_and_nothing_else() -> None:
    client = replace(CLIENT, secret_hashes=(digest("old"), digest("new")))
    assert client.has_secret("old") and client.has_secret("new")
    assert not client.has_secret("older")
    assert not client.has_secret("")
    assert not CLIENT.has_secret("")


@pytest.mark.requirement("RFC9700-2.1.1", "RFC8252-6", "OAUTH21-4.1.1")
def test_a_public_client_needs_pkce_whatever_its_metadata_says() -> None:
    """RFC 9700 s2.1.1"""
    assert replace(CLIENT, require_pkce=False).pkce_required
    confidential = replace(CLIENT, auth_method="client_secret_basic")
    assert confidential.pkce_required
    assert not replace(confidential, require_pkce=False).pkce_required
