"""What people see of a company and of an application.

Policy: ADR-0123
"""

import base64
import re

import pytest

from services.auth.settings import AuthSettings
from shared.errors import ConfigurationError
from shared.settings import load_settings
from tests.integration.auth.provider import Provider
from tests.integration.auth.seeds import ALICE, PARTNER

LOGO = "data:image/svg+xml;base64," + base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode()
BRAND = {
    "brand_name": "Ex & Ample",
    "brand_logo": LOGO,
    "brand_accent": "#0b7a3b",
    "support_address": "help@example.com",
    "privacy_url": "https://example.com/privacy",
    "terms_url": "https://example.com/terms",
}


def test_the_settings_are_seen_on_the_pages_and_in_discovery(provider: Provider) -> None:
    branded = provider.restarted(**BRAND)
    for page in (branded.browser().open(), branded.browser().get("/no-such-page")):
        assert re.search(r"<title>[^<]* - Ex &amp; Ample</title>", page.text)
        assert f'<img src="{LOGO}" alt=""' in page.text
        assert '<a id="help" href="mailto:help@example.com">' in page.text
        assert '<a id="privacy" href="https://example.com/privacy">' in page.text
        assert '<a id="terms" href="https://example.com/terms">' in page.text
        style = branded.http.get(re.findall(r'<link rel="stylesheet" href="([^"]*)"', page.text)[0])
        assert style.headers["content-type"].startswith("text/css") and "--accent: #0b7a3b" in style.text
    metadata = branded.http.get("/.well-known/openid-configuration").json()
    assert metadata["op_policy_uri"] == "https://example.com/privacy"
    assert metadata["op_tos_uri"] == "https://example.com/terms"


def test_without_settings_there_is_no_link_and_the_built_in_accent(provider: Provider) -> None:
    page = provider.browser().open()
    assert not re.search('id="(help|privacy|terms|about)"', page.text)
    plain = re.findall(r'href="(/static/style[^"]*)"', page.text)
    branded = provider.restarted(**BRAND).browser().open()
    assert re.findall(r'href="(/static/style[^"]*)"', branded.text) != plain, "browsers keep a style by its address"
    assert "op_policy_uri" not in provider.http.get("/.well-known/openid-configuration").json()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("AUTH_BRAND_ACCENT", "#ffcc00", "take a darker colour, such as #"),
        ("AUTH_BRAND_NAME", "x\u202ey", "control or direction"),
        ("AUTH_BRAND_LOGO", "logo.png", "PNG, WebP, JPEG or SVG"),
        ("AUTH_SUPPORT_ADDRESS", "javascript:alert(1)", "https"),
        ("AUTH_PRIVACY_URL", "http://example.com/", "https"),
    ],
)
def test_a_setting_that_cannot_be_shown_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        load_settings(AuthSettings)
    assert name in str(refused.value) and says in str(refused.value)


def test_a_third_party_is_shown_with_its_links_and_as_unverified(provider: Provider) -> None:
    _register(
        provider, logo_uri=LOGO, policy_uri="https://partner.example/privacy", tos_uri="https://partner.example/t"
    )
    browser = provider.browser()
    page = browser.enter_password(browser.open(**PARTNER), ALICE)
    assert f'<img src="{LOGO}"' in page.text
    assert (
        '<a id="client-policy" href="https://partner.example/privacy" rel="noopener noreferrer nofollow">' in page.text
    )
    assert '<a id="client-terms" href="https://partner.example/t" rel="noopener noreferrer nofollow">' in page.text
    assert "Company has not checked what it says of itself." in page.text


def test_no_browser_is_sent_for_a_logo_that_is_elsewhere(provider: Provider) -> None:
    _register(provider, logo_uri="https://partner.example/logo.png")
    browser = provider.browser()
    page = browser.enter_password(browser.open(**PARTNER), ALICE)
    assert 'id="allow"' in page.text
    assert "partner.example" not in page.text
    assert "img-src 'self' data:;" in page.headers["content-security-policy"]


def test_no_browser_is_told_of_a_style_guide_in_production(provider: Provider) -> None:
    assert provider.http.get("/styleguide").status_code == 200
    production = provider.restarted(environment="production")
    assert production.http.get("/styleguide").status_code == 404


def _register(provider: Provider, **metadata: str) -> None:
    update = "UPDATE clients SET metadata = json_set(metadata, :path, :value) WHERE client_id = 'partner-web'"
    for name, value in metadata.items():
        provider.sql(update, path=f"$.{name}", value=value)
