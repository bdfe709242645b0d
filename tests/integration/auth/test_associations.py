"""Associations for apps: what Android and iOS are told about the clients of the seeds (RFC 8252 s7.2)."""

import pytest

from tests.integration.auth.provider import Provider

ASSETLINKS, APPLE = "/.well-known/assetlinks.json", "/.well-known/apple-app-site-association"


@pytest.mark.parametrize("address", [ASSETLINKS, APPLE])
def test_it_is_json_without_a_redirect_cacheable_and_answers_304(refusing: Provider, address: str) -> None:
    answer = refusing.http.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["cache-control"] == "public, max-age=3600"
    known = refusing.http.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert refusing.http.head(address).status_code == 200
    assert refusing.http.post(address).status_code == 405


def test_the_mobile_app_may_open_its_own_address_and_no_other(refusing: Provider) -> None:
    (statement,) = refusing.http.get(ASSETLINKS).json()
    assert statement["relation"] == ["delegate_permission/common.handle_all_urls"]
    assert statement["target"]["namespace"] == "android_app"
    assert statement["target"]["package_name"] == "com.company.myapp"
    assert [len(fingerprint.split(":")) for fingerprint in statement["target"]["sha256_cert_fingerprints"]] == [32]
    assert refusing.http.get(APPLE).json() == {
        "applinks": {
            "details": [
                {"appIDs": ["ABCDE12345.com.company.myapp"], "components": [{"/": "/callback"}, {"/": "/signed-out"}]}
            ],
        },
        "webcredentials": {"apps": ["ABCDE12345.com.company.myapp"]},
    }


def test_a_disabled_client_is_told_of_no_more(provider: Provider) -> None:
    assert provider.http.get(ASSETLINKS).json() != []
    provider.sql("UPDATE clients SET disabled_at = created_at WHERE client_id = 'mobile-app'")
    provider.clock.advance(seconds=11)
    assert provider.http.get(ASSETLINKS).json() == []
    assert provider.http.get(APPLE).json() == {"applinks": {"details": []}, "webcredentials": {"apps": []}}
