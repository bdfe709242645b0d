import base64

import pytest

from services.auth.brand import LARGEST_LOGO, Accent, Brand, accent_fault, contrast, is_link, picture, picture_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


@pytest.mark.parametrize("colour", ["#ffcc00", "#ff0000", "#777777", "#ffffff"])
def test_an_accent_that_white_cannot_be_read_on_is_refused_and_a_darker_one_proposed(colour: str) -> None:
    fault = accent_fault(colour)
    assert fault is not None
    assert accent_fault(fault.rpartition(" ")[2]) is None


@pytest.mark.parametrize("colour", ["red", "#fff", "#12345g", "1d4ed8", "#1d4ed8;}", ""])
def test_an_accent_is_six_hexadecimal_digits(colour: str) -> None:
    assert accent_fault(colour) is not None


@pytest.mark.parametrize("colour", ["#1d4ed8", "#000000", "#0b7a3b", "#b00020", "#6d28d9", "#000080", "#757575"])
def test_an_accent_is_legible_by_day_and_by_night(colour: str) -> None:
    assert accent_fault(colour) is None
    accent = Accent.of(colour)
    for shade in accent.day:
        assert contrast(shade, "#ffffff") >= 4.5
    for shade in accent.night:
        assert contrast(shade, "#1a2230") >= 4.5 and contrast(shade, "#0f1520") >= 4.5


def test_the_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"RIFF....WEBP", "image/webp"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"<?xml version='1.0'?><svg/>", "image/svg+xml"),
    ],
    ids=["png", "webp", "jpeg", "svg"],
)
def test_a_picture_is_told_by_what_it_begins_with(content: bytes, kind: str) -> None:
    assert picture(content) == f"data:{kind};base64,{base64.b64encode(content).decode()}"
    assert picture_of(f"data:image/png;base64,{base64.b64encode(content).decode()}") == picture(content)


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/html;base64," + base64.b64encode(b"<script>").decode(),
        "data:image/png;base64," + base64.b64encode(b"<html>").decode(),
        "data:image/png;base64,!!!",
        "data:image/svg+xml,<svg onload=alert(1)>",
        "data:image/png;base64," + base64.b64encode(PNG + bytes(LARGEST_LOGO)).decode(),
        "javascript:alert(1)",
    ],
    ids=["html", "disguised", "no-base64", "text", "large", "script"],
)
def test_what_is_no_small_picture_is_no_logo(uri: str) -> None:
    with pytest.raises(ValueError):
        picture_of(uri)


@pytest.mark.parametrize(
    ("value", "mail", "fine"),
    [
        ("https://company.example/help", True, True),
        ("help@company.example", True, True),
        ("help@company.example", False, False),
        ("help@company.example?subject=x", True, False),
        ("http://company.example/", True, False),
        ("javascript:alert(1)", True, False),
        ('https://company.example/"><script>', True, False),
        ("https://", True, False),
    ],
)
def test_people_are_led_to_https_or_to_a_mail_address(value: str, mail: bool, fine: bool) -> None:
    assert is_link(value, mail=mail) is fine


def test_the_help_link_is_a_mail_or_a_page() -> None:
    assert Brand(support="help@company.example").help_link == "mailto:help@company.example"
    assert Brand(support="https://help.company.example/@team").help_link == "https://help.company.example/@team"
    assert Brand().help_link == ""
