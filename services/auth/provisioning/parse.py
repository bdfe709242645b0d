"""Configuration as code: the users, clients and APIs that a file asks for, and everything that is wrong with it.

Policy: ADR-0065; Spec: RFC 7591 s2 (names of client metadata)
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from services.auth.clients.metadata import backchannel_logout_uri_fault, return_address_fault, unknown_name_fault
from services.auth.clients.redirect_uris import origin_fault
from services.auth.clients.registration import ExchangeTarget, PublicJwk
from services.auth.provisioning.client_entry import CLIENT_NAMES, ClientEntry
from services.auth.provisioning.entries import STRICT, ApiEntry, ScopeEntry, UserEntry
from services.auth.scopes import OIDC_SCOPES
from shared.config_file import Where
from shared.errors import ConfigurationError

#: Part of every secret that is published in the repository.
_PUBLISHED_SECRET = "for-local-use-only"
_NO_LINES: Mapping[Where, str] = {}


class Configuration(BaseModel):
    """The sections of the file that are auth's; those of the APIs are theirs to read."""

    model_config = STRICT

    users: list[UserEntry] = []
    apis: list[ApiEntry] = []
    clients: list[ClientEntry] = []
    crm: Any = None
    orders: Any = None


class _Fault(NamedTuple):
    """What is wrong, and the keys and numbers that lead there."""

    where: Where
    says: str


def parse_configuration(
    content: dict[str, Any],
    *,
    local: bool,
    lines: Mapping[Where, str] = _NO_LINES,
    present: Sequence[ApiEntry] = (),
) -> Configuration:
    """Check the whole file before anything is written. `lines`: where each value is; `present`: APIs that are there.

    Raises:
        ConfigurationError: a line for each fault, which names the entry and what to change.
    """
    try:
        configuration = Configuration.model_validate(content)
    except ValidationError as error:
        faults = [_said(found) for found in error.errors(include_input=False)]
        raise ConfigurationError(_lines(faults, content, lines)) from error
    if faults := list(_faults(configuration, present, local=local)):
        raise ConfigurationError(_lines(faults, content, lines))
    return configuration


_NAMED_BY = {"users": "username", "apis": "identifier", "clients": "client_id"}
_NAMES: dict[str, frozenset[str]] = {
    "": frozenset(Configuration.model_fields),
    "users": frozenset(UserEntry.model_fields),
    "apis": frozenset(ApiEntry.model_fields),
    "scopes": frozenset(ScopeEntry.model_fields),
    "clients": CLIENT_NAMES,
    "token_exchange_targets": frozenset({"resource", "scope"}),
    "keys": frozenset(field.name for field in dataclasses.fields(PublicJwk)),
}


def _said(error: ErrorDetails) -> _Fault:
    where = tuple(error["loc"])
    if error["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        parents = [key for key in where[:-1] if isinstance(key, str)]
        return _Fault(where, unknown_name_fault(str(where[-1]), _NAMES[parents[-1] if parents else ""]))
    says = str(error["msg"]).removeprefix("Value error, ")
    return _Fault(where, says.replace("a valid tuple", "a valid list").replace("a valid frozenset", "a valid list"))


def _lines(faults: Sequence[_Fault], content: dict[str, Any], lines: Mapping[Where, str]) -> str:
    """Return a line a fault: where it is, by the entry's own name, and what to change."""
    said = []
    for where, says in faults:
        known = next((lines[where[:end]] for end in range(len(where), -1, -1) if where[:end] in lines), "")
        shown = ".".join(map(str, _named(where, content)))
        said.append(f"{known}{': ' if known else ''}{shown}: {says}")
    return "\n".join(said)


def _named(where: Where, content: dict[str, Any]) -> Where:
    naming = _NAMED_BY.get(str(where[0])) if where else None
    if naming is None or len(where) < 2:
        return where
    entry = content[str(where[0])][where[1]]
    name = entry.get(naming) if isinstance(entry, dict) else None
    if isinstance(name, str) and name.isprintable() and 0 < len(name) <= 100:
        return (where[0], name, *where[2:])
    return where


def _faults(configuration: Configuration, present: Sequence[ApiEntry], *, local: bool) -> Iterator[_Fault]:
    """Yield what is wrong between entries that have no fault of their own."""
    users, apis, clients = configuration.users, configuration.apis, configuration.clients
    yield from _doubles("users", [str(user.sub) for user in users])
    yield from _doubles("users", [user.username for user in users])
    yield from _doubles("apis", [api.identifier for api in apis])
    yield from _doubles("apis", [scope.name for api in apis for scope in api.scopes])
    yield from _doubles("clients", [client.client_id.lower() for client in clients])
    # one that the file names too is as the file says, and one whose scopes the file gives to another API goes away
    named, moved = {api.identifier for api in apis}, {scope.name for api in apis for scope in api.scopes}
    kept = [api for api in present if api.identifier not in named and moved.isdisjoint(s.name for s in api.scopes)]
    reachable = [*apis, *kept]
    for number, client in enumerate(clients):
        for member, says in _client_faults(client, reachable, local=local):
            yield _Fault(("clients", number, *member), says)
    for number, user in enumerate(() if local else users):
        for name in ("password", "totp_secret"):
            if getattr(user, name) is not None:
                yield _Fault(("users", number, name), "is refused with ENVIRONMENT=production: invite the user instead")


def _doubles(section: str, names: list[str]) -> Iterator[_Fault]:
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield _Fault((section,), f"{name} is there twice")


def _client_faults(client: ClientEntry, apis: Sequence[ApiEntry], *, local: bool) -> Iterator[tuple[Where, str]]:
    yield from _address_faults(client, local=local)
    known = OIDC_SCOPES | {scope.name for api in apis for scope in api.scopes}
    if unknown := sorted(client.scopes - known):
        there_are = ", ".join(sorted(known - OIDC_SCOPES)) or "none"
        yield ("scope",), f"no API has {', '.join(unknown)}, in this file or the database; there are {there_are}"
    identifiers = {api.identifier for api in apis}
    for identifier in client.resource_identifiers:
        if identifier not in identifiers:
            there_are = ", ".join(sorted(identifiers)) or "none"
            yield ("resource_identifiers",), f"{identifier} is not an API; there are {there_are}"
    for target in client.exchange_targets:
        if fault := _exchange_fault(client, target, apis):
            yield ("token_exchange_targets",), f"{target.resource} {fault}"
    if not local and client.client_secret and _PUBLISHED_SECRET in client.client_secret:
        yield ("client_secret",), "a published secret; make your own"


def _address_faults(client: ClientEntry, *, local: bool) -> Iterator[tuple[Where, str]]:
    for name, uris in (
        ("redirect_uris", client.redirect_uris),
        ("post_logout_redirect_uris", client.post_logout_redirect_uris),
    ):
        for uri in uris:
            if fault := return_address_fault(
                uri, client.application_type, allow_undotted_scheme=client.allow_undotted_scheme, local=local
            ):
                yield (name,), fault
    address = client.backchannel_logout_uri
    if address is not None and (fault := backchannel_logout_uri_fault(address, local=local)):
        yield ("backchannel_logout_uri",), fault
    for origin in client.allowed_origins:
        if fault := origin_fault(origin, local=local):
            yield ("allowed_origins",), fault


def _exchange_fault(client: ClientEntry, target: ExchangeTarget, apis: Sequence[ApiEntry]) -> str | None:
    scopes = {api.identifier: api.scopes for api in apis}
    if target.resource not in scopes or target.resource in client.resource_identifiers:
        return "must be an API, and another one than the client's own"
    tradable = {scope.name for scope in scopes[target.resource] if not scope.machine_only and scope.role is None}
    if not target.scopes <= tradable & client.scopes:
        return "must be asked for scopes of that API, a person's, and in the client's scope"
    return None
