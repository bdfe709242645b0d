"""The matrix notices what is missing, unknown or stale, and the page says what became of each test."""

from pathlib import Path

import pytest

from scripts.compliance import render, verdict
from scripts.requirement_matrix import Requirement, faults, marked_tests, requirements, updated

ONE = Requirement("RFC1-2", "RFC 1 s2", "It is so.", "auth")
TEXT = """# head

[[requirement]]
id = "RFC1-2"
clause = "RFC 1 s2"
asks = "It is so."
owner = "auth"
tests = [
  "tests/test_old.py::test_gone",
]
"""


def test_markers_are_found_without_running_anything(tmp_path: Path) -> None:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_x.py").write_text(
        "import pytest\n"
        "@pytest.mark.requirement('RFC1-2', 'RFC1-3')\ndef test_a(): ...\n"
        "@pytest.mark.skip\n@pytest.mark.requirement('RFC1-2')\nasync def test_b(): ...\n"
        "def test_c(): ...\n",
        encoding="utf-8",
    )
    assert marked_tests(folder) == {
        "RFC1-2": ("tests/test_x.py::test_a", "tests/test_x.py::test_b"),
        "RFC1-3": ("tests/test_x.py::test_a",),
    }


@pytest.mark.parametrize(
    ("present", "marked", "said"),
    [
        ([ONE], {}, "RFC1-2: no test is marked with it"),
        ([ONE, ONE], {"RFC1-2": ("t",)}, "RFC1-2: is there twice"),
        ([ONE], {"RFC1-2": ("t",), "RFC9-9": ("t",)}, "RFC9-9: marks t and is not a requirement"),
        ([Requirement("A-1", "", "", "auth", planned="later")], {"A-1": ("t",)}, "A-1: is proved by a test"),
        ([Requirement("A-1", "", "", "nobody")], {"A-1": ("t",)}, "A-1: the owner is one of"),
    ],
)
def test_a_hole_is_named(present: list[Requirement], marked: dict[str, tuple[str, ...]], said: str) -> None:
    assert any(line.startswith(said) for line in faults(present, marked))


def test_a_matrix_that_holds_has_no_fault() -> None:
    assert faults([ONE, Requirement("A-1", "", "", "api", planned="later")], {"RFC1-2": ("t",)}) == []


def test_the_tests_are_written_from_the_markers_and_nothing_else_changes() -> None:
    new = updated(TEXT, {"RFC1-2": ("tests/test_x.py::test_a",)})
    assert new == TEXT.replace("tests/test_old.py::test_gone", "tests/test_x.py::test_a")
    assert updated(updated(TEXT, {}), {"RFC1-2": ("tests/test_x.py::test_a",)}) == new
    assert requirements(updated(TEXT, {}))[0].tests == ()


@pytest.mark.parametrize(
    ("outcomes", "word"),
    [({"passed"}, "met"), ({"passed", "failed"}, "NOT MET"), ({"skipped"}, "not run"), (set(), "not run")],
)
def test_one_failure_is_enough(outcomes: set[str], word: str) -> None:
    assert verdict(ONE, outcomes) == word
    assert f"| {word} |" in render([ONE], {"RFC1-2": outcomes})
