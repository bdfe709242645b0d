import pytest

from scripts.rfc_map import Reference, references, render


def read(docstring: str) -> list[tuple[str, str, str]]:
    return [(found.document, found.clause, found.note) for found in references(docstring, "x.py")]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("Spec: RFC 9457", [("RFC 9457", "", "")]),
        ("Spec: RFC 9110 s15.5.14 (413)", [("RFC 9110", "s15.5.14", "413")]),
        ("Spec: RFC 6749 s4.1 and s4.2", [("RFC 6749", "s4.1", ""), ("RFC 6749", "s4.2", "")]),
        ("Spec: RFC 6749 s3.3, RFC 8707", [("RFC 6749", "s3.3", ""), ("RFC 8707", "", "")]),
        ("Spec: Core s2; s12.2 (kept, and old)", [("Core", "s2", ""), ("Core", "s12.2", "kept, and old")]),
        ("Spec: OWASP ASVS 7.2 and 7.3", [("OWASP ASVS", "s7.2", ""), ("OWASP ASVS", "s7.3", "")]),
        ("Spec: RFC 8252 s8.6; Policy: ADR-0007", [("RFC 8252", "s8.6", ""), ("ADR-0007", "", "")]),
        ("Policy: ADR-0004. Sync engines only, and so on", [("ADR-0004", "", "")]),
        ("Policy: a user sees their own records.", []),
        ("Nothing about a Specification: none", []),
    ],
)
def test_lines_are_read(line: str, found: list[tuple[str, str, str]]) -> None:
    assert read(f"What it owns.\n\n{line}\nMore prose.") == found


def test_clauses_stand_in_natural_order() -> None:
    page = render([Reference("Spec", "RFC 1", f"s{number}", "", "x.py") for number in ("10", "9", "4.10", "4.9")])
    rows = [line.split("|")[1].strip() for line in page.splitlines() if "x.py" in line]
    assert rows == ["4.9", "4.10", "9", "10"]


def test_policies_follow_the_specifications() -> None:
    page = render([Reference("Policy", "ADR-0001", "", "", "x.py"), Reference("Spec", "RFC 1", "", "", "x.py")])
    assert page.index("## RFC 1") < page.index("## ADR-0001")
