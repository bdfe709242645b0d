"""Spec: RFC 9728 s3.1."""

import pytest

from shared.bearer.web.metadata import metadata_url


@pytest.mark.requirement("RFC9728-3")
@pytest.mark.parametrize(
    ("resource", "url"),
    [
        ("http://localhost:9001", "http://localhost:9001/.well-known/oauth-protected-resource"),
        ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
        ("https://api.example/crm", "https://api.example/.well-known/oauth-protected-resource/crm"),
    ],
)
def test_the_well_known_path_goes_between_host_and_path(resource: str, url: str) -> None:
    assert metadata_url(resource) == url
