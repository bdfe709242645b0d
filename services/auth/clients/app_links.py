"""Which installed apps may open a client's https redirect URIs: what Android and iOS ask for at the address's host.

Spec: RFC 8252 s7.2 (claimed https); Digital Asset Links; Apple's Supporting associated domains
The documents name every native client that registers an app; a phone verifies the app it holds against them.
"""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from services.auth.clients.client import Client
from services.auth.clients.registration import ClientMetadata

_PACKAGE_NAME = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9A-F]{2}(?::[0-9A-F]{2}){31}")
#: Team id, then bundle id.
_APPLE_APP_ID = re.compile(r"[A-Z0-9]{10}\.[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")


def association_fault(client: ClientMetadata) -> str | None:
    """Return what is wrong with the apps that a client registers, and what to change; None: nothing."""
    package, fingerprints = client.android_package_name, client.android_sha256_cert_fingerprints
    if package is None and not fingerprints and not client.apple_app_ids:
        return None
    if client.application_type != "native":
        return "android_ and apple_ members are for application_type native alone"
    if not _claimed_paths(client):
        return "android_ and apple_ members need an https redirect URI that the app claims"
    if (package is None) != (not fingerprints):
        return "android_package_name and android_sha256_cert_fingerprints come together"
    if package is not None and not _PACKAGE_NAME.fullmatch(package):
        return "android_package_name must be a Java package name such as com.example.app"
    if not all(_FINGERPRINT.fullmatch(fingerprint) for fingerprint in fingerprints):
        return "android_sha256_cert_fingerprints must be 32 pairs of upper-case hex digits, separated by colons"
    if not all(_APPLE_APP_ID.fullmatch(app_id) for app_id in client.apple_app_ids):
        return "apple_app_ids must be <team id of 10 characters>.<bundle id>"
    return None


def android_links(clients: Iterable[Client]) -> list[dict[str, Any]]:
    """Return the statements of /.well-known/assetlinks.json; none: an empty list."""
    return [
        {
            "relation": ["delegate_permission/common.handle_all_urls"],
            "target": {
                "namespace": "android_app",
                "package_name": client.android_package_name,
                "sha256_cert_fingerprints": list(client.android_sha256_cert_fingerprints),
            },
        }
        for client in clients
        if client.android_package_name is not None and _claimed_paths(client)
    ]


def apple_links(clients: Iterable[Client]) -> dict[str, Any]:
    """Return the members of /.well-known/apple-app-site-association; none: an empty list of details."""
    clients = [client for client in clients if client.apple_app_ids and _claimed_paths(client)]
    details = [
        {"appIDs": list(client.apple_app_ids), "components": [{"/": path} for path in _opened_paths(client)]}
        for client in clients
    ]
    # without webcredentials ASWebAuthenticationSession refuses an https callback
    app_ids = [app_id for client in clients for app_id in client.apple_app_ids]
    return {"applinks": {"details": details}, "webcredentials": {"apps": app_ids}}


def _claimed_paths(client: ClientMetadata) -> list[str]:
    """Return the paths of the https redirect URIs."""
    return _https_paths(client.redirect_uris)


def _opened_paths(client: ClientMetadata) -> list[str]:
    """Return what the app opens: the ends of a sign-in and of a sign-out, never every page of the host."""
    return _https_paths([*client.redirect_uris, *client.post_logout_redirect_uris])


def _https_paths(uris: Iterable[str]) -> list[str]:
    https = [parts for parts in map(urlsplit, uris) if parts.scheme == "https"]
    return sorted({parts.path or "/" for parts in https})
