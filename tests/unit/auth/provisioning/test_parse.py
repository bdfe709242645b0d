"""Configuration as code: checked whole before anything is written, one clear line, no secret in it."""

from copy import deepcopy
from typing import Any

import pytest

from services.auth.provisioning.parse import Configuration, parse_configuration
from shared.errors import ConfigurationError

SECRET = "a-secret-of-its-own-of-32-characters"
PUBLISHED = "orders-api-secret-for-local-use-only"
PASSWORD = "correct-horse-battery"

GOOD: dict[str, Any] = {
    "users": [
        {
            "sub": "0190a1b0-0000-7000-8000-000000000a11",
            "username": "Alice",
            "password": PASSWORD,
            "totp_secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "claims": {"name": "Alice"},
        }
    ],
    "apis": [{"identifier": "https://crm.example", "name": "CRM", "scopes": [{"name": "crm:read", "description": ""}]}],
    "clients": [
        {
            "client_id": "app",
            "client_name": "App",
            "application_type": "native",
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": ["com.example.app:/callback"],
            "scope": "openid crm:read",
        },
        {
            "client_id": "job",
            "client_name": "Job",
            "application_type": "web",
            "token_endpoint_auth_method": "client_secret_basic",
            "client_secret": SECRET,
            "grant_types": ["client_credentials"],
            "scope": "crm:read",
        },
    ],
    "crm": {"anything": "is crm's"},
}


def parse(content: dict[str, Any], *, local: bool = True) -> Configuration:
    return parse_configuration(content, local=local)


def changed(section: str, number: int, **changes: Any) -> dict[str, Any]:
    content = deepcopy(GOOD)
    content[section][number] |= changes
    return content


def test_a_good_file_is_read_and_user_names_are_normalised() -> None:
    configuration = parse(GOOD)
    assert configuration.users[0].username == "alice"
    assert [client.client_id for client in configuration.clients] == ["app", "job"]


def test_neither_password_nor_secret_shows_in_a_representation() -> None:
    shown = repr(parse(GOOD))
    assert PASSWORD not in shown and SECRET not in shown and "JBSWY3DP" not in shown


def test_what_the_row_keeps_of_a_client_holds_no_secret() -> None:
    metadata = parse(GOOD).clients[1].metadata()
    assert SECRET not in str(metadata) and "client_id" not in metadata


@pytest.mark.requirement("RFC9700-4.15")
@pytest.mark.parametrize(
    ("section", "number", "changes"),
    [
        ("users", 0, {"sub": "alice"}),
        ("users", 0, {"sub": None}),
        ("users", 0, {"username": ""}),
        ("users", 0, {"username": "  "}),
        ("users", 0, {"username": "\ufdfa" * 100}),
        ("users", 0, {"password": "short77"}),
        ("users", 0, {"password": "x" * 1025}),
        ("users", 0, {"password": "\ufdfa" * 1024}),
        ("users", 0, {"totp_secret": "JBSWY3DP"}),
        ("users", 0, {"totp_secret": "jbswy3dpehpk3pxpjbswy3dpehpk3pxp"}),
        ("users", 0, {"totp_secret": "0BSWY3DPEHPK3PXPJBSWY3DPEHPK3PX1"}),
        ("users", 0, {"claims": {"sub": "root"}}),
        ("users", 0, {"claims": {"preferred_username": "root"}}),
        ("users", 0, {"claims": {"roles": ["admin"]}}),
        ("users", 0, {"admin": True}),
        ("apis", 0, {"identifier": "https://crm.example/"}),
        ("apis", 0, {"identifier": "crm.example"}),
        ("apis", 0, {"identifier": "https://crm.example?x=1"}),
        ("apis", 0, {"identifier": "https://crm.example#x"}),
        ("apis", 0, {"scopes": [{"name": "crm read", "description": ""}]}),
        ("apis", 0, {"scopes": [{"name": 'crm"read', "description": ""}]}),
        ("apis", 0, {"scopes": [{"name": "openid", "description": ""}]}),
        ("clients", 0, {"client_id": "a b"}),
        ("clients", 0, {"client_id": ""}),
        ("clients", 0, {"client_id": "client:job"}),
        ("clients", 0, {"application_type": "desktop"}),
        ("clients", 0, {"token_endpoint_auth_method": "private_key_jwt"}),
        ("clients", 0, {"client_secret": SECRET}),
        ("clients", 0, {"also_allow_client_secret_post": True}),
        ("clients", 0, {"require_pkce": False}),
        ("clients", 0, {"grant_types": ["authorization_code", "client_credentials"]}),
        ("clients", 0, {"grant_types": ["password"]}),
        ("clients", 0, {"grant_types": ["refresh_token"]}),
        ("clients", 0, {"response_types": ["token"]}),
        ("clients", 0, {"redirect_uris": []}),
        ("clients", 0, {"redirect_uris": ["myapp://callback"]}),
        ("clients", 0, {"redirect_uris": ["javascript:alert(1)"], "allow_undotted_scheme": True}),
        ("clients", 0, {"redirect_uris": ["https://app.example/*"]}),
        ("clients", 0, {"redirect_uris": ["https://[app.example/"]}),
        ("clients", 0, {"redirect_uris": ["http://app.example/"]}),
        ("clients", 0, {"scope": "openid orders:read"}),
        ("clients", 0, {"access_token_lifetime": 59}),
        ("clients", 0, {"access_token_lifetime": 3601}),
        ("clients", 0, {"refresh_retry_window": -1}),
        ("clients", 0, {"refresh_retry_window": 601}),
        ("clients", 0, {"refresh_idle_lifetime": 10**18}),
        ("clients", 0, {"refresh_absolute_lifetime": 0}),
        ("clients", 0, {"allowed_origins": ["https://app.example/"]}),
        ("clients", 0, {"allowed_origins": ["*"]}),
        ("clients", 0, {"android_package_name": "com.example.app"}),
        ("clients", 0, {"apple_app_ids": ["ABCDE12345.com.example.app"]}),
        ("clients", 0, {"dpop_bound_access_tokens": "sometimes"}),
        ("clients", 1, {"client_secret": None}),
        ("clients", 1, {"client_secret": "x" * 31}),
    ],
)
def test_a_bad_entry_is_refused_in_one_line_that_names_it_and_shows_no_secret(
    section: str, number: int, changes: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{section}\.") as error:
        parse(changed(section, number, **changes))
    message = str(error.value)
    assert "\n" not in message
    for name in ("password", "client_secret", "totp_secret"):
        if value := changes.get(name):
            assert value not in message
    assert PASSWORD not in message and SECRET not in message


@pytest.mark.parametrize("section", ["users", "apis", "clients"])
def test_what_stands_there_twice_is_refused(section: str) -> None:
    content = deepcopy(GOOD)
    content[section].append(deepcopy(content[section][0]))
    with pytest.raises(ConfigurationError, match=rf"^{section}: "):
        parse(content)


def test_two_spellings_of_one_user_name_are_one() -> None:
    content = deepcopy(GOOD)
    content["users"].append({**GOOD["users"][0], "sub": "0190a1b0-0000-7000-8000-000000000b0b", "username": "ALICE"})
    with pytest.raises(ConfigurationError, match=r"^users: alice"):
        parse(content)


@pytest.mark.parametrize("content", [{"user": []}, {"users": {}}, {"clients": "x"}, {"apis": [1]}])
def test_a_file_of_another_shape_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        parse(content)


# ---------------------------------------------------------------- production


def test_production_refuses_passwords_and_published_secrets() -> None:
    with pytest.raises(ConfigurationError, match=r"^users\.Alice\.password: .*production"):
        parse(GOOD, local=False)
    without_users = {**GOOD, "users": []}
    assert parse(without_users, local=False).users == []
    published = changed("clients", 1, client_secret=PUBLISHED) | {"users": []}
    with pytest.raises(ConfigurationError, match=r"^clients\.job\.client_secret: ") as error:
        parse(published, local=False)
    assert PUBLISHED not in str(error.value)
    assert parse(published, local=True)


def test_production_refuses_an_address_on_localhost() -> None:
    local = changed("clients", 0, redirect_uris=["http://localhost:9100/callback"]) | {"users": []}
    assert parse(local, local=True)
    with pytest.raises(ConfigurationError, match=r"^clients\.app\.redirect_uris: "):
        parse(local, local=False)


# ---------------------------------------------------------------- a newcomer's file


def test_every_fault_is_told_at_once_with_its_line() -> None:
    content = changed("clients", 1, client_secret="short") | {"users": []}
    content["clients"][0] |= {"redirectUris": [], "application_type": "desktop"}
    lines = {("clients", 0): "own.yaml:3", ("clients", 0, "redirectUris"): "own.yaml:9", ("clients", 1): "own.yaml:12"}
    with pytest.raises(ConfigurationError) as error:
        parse_configuration(content, local=True, lines=lines)
    told = str(error.value).splitlines()
    assert len(told) == 3
    assert told[0].startswith("own.yaml:3: clients.app.application_type: ")
    assert "own.yaml:9: clients.app.redirectUris: is not a known name; did you mean redirect_uris?" in told
    assert any(line.startswith("own.yaml:12: clients.job.client_secret: ") for line in told)


def test_a_file_of_clients_alone_may_use_the_scopes_of_the_database() -> None:
    content = {"clients": GOOD["clients"]}
    crm = parse(GOOD).apis
    assert parse_configuration(content, local=True, present=crm).clients
    with pytest.raises(ConfigurationError, match="no API has crm:read, in this file or the database; there are none"):
        parse(content)
    moved = {**content, "apis": [{**GOOD["apis"][0], "identifier": "https://new.example"}]}
    moved["clients"] = [{**GOOD["clients"][1], "resource_identifiers": ["https://crm.example"]}]
    with pytest.raises(ConfigurationError, match=r"crm\.example is not an API"):
        parse_configuration(moved, local=True, present=crm)
