"""Parameters, parsed once and strictly (RFC 6749 s3.1 and s3.2, RFC 8707 s2)."""

import pytest

from services.auth.protocol.parameters import MalformedParametersError, parse_parameters


def test_names_and_values_are_form_decoded() -> None:
    parameters = parse_parameters(b"a=1+2%203&%C3%A4=%F0%9F%AB%96")
    assert parameters.get("a") == "1 2 3"
    assert parameters.get("\u00e4") == "\U0001fad6"
    assert parameters.get("b") is None


@pytest.mark.requirement("OAUTH21-3.1")
def test_an_empty_value_counts_as_absent_and_still_as_a_repetition() -> None:
    parameters = parse_parameters(b"a=&b=1&b=")
    assert parameters.get("a") is None
    assert parameters.repeated == {"b"}


@pytest.mark.requirement("OAUTH21-3.1")
def test_resource_alone_may_repeat() -> None:
    parameters = parse_parameters(b"resource=x&resource=y&resource=")
    assert parameters.repeated == frozenset()
    assert parameters.all("resource") == ["x", "y"]
    assert parse_parameters(b"scope=x&scope=x").repeated == {"scope"}


@pytest.mark.parametrize(
    "raw",
    [b"a=%ff", b"%ff=a", b"a=\xc3\xa4", b"a=%00", b"%00=a", b"a=%ed%a0%80", b"a=%c0%af", b"&".join([b"a=1"] * 101)],
)
def test_what_is_not_form_encoded_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedParametersError):
        parse_parameters(raw)


@pytest.mark.parametrize("raw", [b"", b"&", b"=", b"a", b"%", b"a=%zz", b"a;b=1"])
def test_odd_but_harmless_forms_are_read(raw: bytes) -> None:
    assert parse_parameters(raw).get("client_id") is None
