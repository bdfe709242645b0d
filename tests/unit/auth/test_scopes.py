"""Scopes and the audiences that they decide (RFC 6749 s3.3, RFC 8707 s2)."""

import pytest

from services.auth.scopes import OIDC_SCOPES, Api, ApiScope, ScopeCatalogue, UnknownResource, join_scopes, split_scope

CRM, ORDERS = "https://crm.example", "https://orders.example"
CATALOGUE = ScopeCatalogue(
    (
        Api(CRM, "CRM", (ApiScope("crm:read", ""), ApiScope("crm:read:all", "", machine_only=True))),
        Api(ORDERS, "Orders", (ApiScope("orders:read", ""), ApiScope("orders:close", "", role="manager"))),
    )
)


def scopes(wire: str) -> frozenset[str]:
    return split_scope(wire)


def test_every_scope_can_be_asked_for() -> None:
    assert CATALOGUE.names == OIDC_SCOPES | scopes("crm:read crm:read:all orders:read orders:close")


@pytest.mark.parametrize(
    ("asked", "roles", "held"),
    [
        ("openid crm:read", [], "openid crm:read"),
        ("crm:read:all", ["manager"], ""),  # a machine's, never a person's
        ("orders:close", [], ""),
        ("orders:close", ["clerk"], ""),
        ("orders:close", ["clerk", "manager"], "orders:close"),
        ("gone:scope openid", [], "openid"),
    ],
)
def test_what_a_user_may_not_have_is_cut_silently(asked: str, roles: list[str], held: str) -> None:
    assert CATALOGUE.entitled(scopes(asked), roles) == scopes(held)


@pytest.mark.requirement("RFC9700-2.3", "RFC9068-3")
@pytest.mark.parametrize(
    ("granted", "audience"),
    [
        ("openid profile", []),
        ("orders:read crm:read", [CRM, ORDERS]),  # the catalogue's order, whatever was asked first
        ("crm:read openid", [CRM]),
        ("crm:read crm:read:all", [CRM]),
        ("gone:scope", []),
    ],
)
def test_the_scopes_decide_the_audience(granted: str, audience: list[str]) -> None:
    assert CATALOGUE.audience(scopes(granted)) == audience


@pytest.mark.parametrize("asked", [[CRM], [f"{CRM}/"], [CRM, f"{CRM}/"]])
def test_an_empty_path_is_the_same_resource(asked: list[str]) -> None:
    assert CATALOGUE.resources(asked) == (CRM,)


@pytest.mark.requirement("RFC8707-2")
@pytest.mark.parametrize(
    "asked",
    [
        "https://evil",
        f"{CRM}//",
        f"{CRM}/x",
        f"{CRM}#",
        CRM.upper(),
        " ",
        "",
        "/",
        "https://[",
        "https://[x]/",
        f"{CRM}?",
        "\0",
    ],
)
def test_an_unknown_resource_is_refused(asked: str) -> None:
    with pytest.raises(UnknownResource):
        CATALOGUE.resources([CRM, asked])


def test_a_resource_narrows_to_its_own_scopes_and_openids() -> None:
    granted = scopes("openid offline_access crm:read orders:read")
    assert CATALOGUE.narrow(granted, (CRM,)) == scopes("openid offline_access crm:read")
    assert CATALOGUE.narrow(granted, (CRM, ORDERS)) == granted
    assert CATALOGUE.narrow(granted, ()) == granted


def test_a_resource_none_of_whose_scopes_is_granted_is_refused() -> None:
    with pytest.raises(UnknownResource):
        CATALOGUE.narrow_to_asked(scopes("openid crm:read"), [CRM, ORDERS])
    assert CATALOGUE.narrow_to_asked(scopes("openid crm:read"), [CRM]) == scopes("openid crm:read")


def test_a_scope_that_no_api_has_any_more_is_dropped() -> None:
    """An old grant outlives the configuration that it was made under."""
    assert CATALOGUE.narrow(scopes("openid crm:read gone:scope"), (CRM,)) == scopes("openid crm:read")


def test_the_wire_form_is_stable() -> None:
    assert join_scopes(scopes("  b a  b ")) == "a b"
    assert split_scope(None) == frozenset()
