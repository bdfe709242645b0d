"""Which apps a client may register, and what phones are told of them."""

from dataclasses import replace
from typing import Any

import pytest

from services.auth.clients.app_links import android_links, apple_links, association_fault
from tests.support.clients import CLIENT as BARE

FINGERPRINT = ":".join(["0F"] * 32)
CLIENT = replace(
    BARE,
    redirect_uris=("com.example.app:/callback", "https://app.example/callback", "https://app.example"),
    android_package_name="com.example.app",
    android_sha256_cert_fingerprints=(FINGERPRINT,),
    apple_app_ids=("ABCDE12345.com.example.app",),
)


def test_good_members_have_no_fault_and_none_at_all_neither() -> None:
    assert association_fault(CLIENT) is None
    bare = replace(CLIENT, android_package_name=None, android_sha256_cert_fingerprints=(), apple_app_ids=())
    assert association_fault(replace(bare, application_type="web")) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"application_type": "web"}, "native alone"),
        ({"redirect_uris": ("com.example.app:/callback",)}, "https redirect URI"),
        ({"redirect_uris": ("http://127.0.0.1/callback",)}, "https redirect URI"),
        ({"android_package_name": None}, "come together"),
        ({"android_sha256_cert_fingerprints": ()}, "come together"),
        ({"android_package_name": "app"}, "package name"),
        ({"android_package_name": "com.example.app\n"}, "package name"),
        ({"android_package_name": "com..app"}, "package name"),
        ({"android_sha256_cert_fingerprints": (FINGERPRINT.lower(),)}, "upper-case"),
        ({"android_sha256_cert_fingerprints": (FINGERPRINT[3:],)}, "32 pairs"),
        ({"android_sha256_cert_fingerprints": (FINGERPRINT, FINGERPRINT.replace(":", ""))}, "32 pairs"),
        ({"apple_app_ids": ("com.example.app",)}, "team id"),
        ({"apple_app_ids": ("abcde12345.com.example.app",)}, "team id"),
        ({"apple_app_ids": ("ABCDE12345.",)}, "team id"),
        ({"apple_app_ids": ("ABCDE12345.*",)}, "team id"),
    ],
)
def test_what_a_phone_would_not_understand_is_refused(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in (association_fault(replace(CLIENT, **changes)) or "")


def test_only_the_claimed_paths_are_the_apps() -> None:
    assert apple_links([CLIENT])["applinks"]["details"][0]["components"] == [{"/": "/"}, {"/": "/callback"}]


def test_a_client_whose_https_address_was_withdrawn_is_left_out() -> None:
    withdrawn = replace(CLIENT, redirect_uris=("com.example.app:/callback",))
    assert android_links([withdrawn]) == []
    assert apple_links([withdrawn]) == {"applinks": {"details": []}, "webcredentials": {"apps": []}}
