"""Every requirement whose part is built is proved by a marked test, and the pages that say so are not stale."""

from scripts import compliance
from scripts.requirement_matrix import FILE, faults, marked_tests, requirements, updated


def test_every_requirement_is_covered_and_every_mark_known() -> None:
    assert faults(requirements(), marked_tests()) == []


def test_the_matrix_names_the_tests_that_the_markers_name() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert updated(text, marked_tests()) == text, "run: python -m scripts.requirement_matrix"


def test_the_compliance_page_lists_every_requirement_and_none_is_unmet() -> None:
    page = compliance.PAGE.read_text(encoding="utf-8")
    listed = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")]
    assert [requirement.id for requirement in requirements() if requirement.id not in listed] == []
    assert [line for line in page.splitlines() if line.endswith("| NOT MET |")] == [], "run: make compliance"


def test_few_requirements_wait_for_a_part_that_is_not_built() -> None:
    present = requirements()
    assert len([requirement for requirement in present if requirement.planned]) < len(present) / 8
