"""Verdicts, the report and its exit code."""

from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest

from shared.doctor import Check, Failed, Finding, ok, run, warning
from shared.doctor.report import Verdict, examine, printable, render
from shared.errors import SuiteError
from shared.settings import ServiceSettings


def fails(says: str, remedy: str = "") -> Finding:
    raise Failed(says, remedy)


def breaks(error: Exception) -> Finding:
    raise error


CHECKS = [
    Check("database", lambda: ok("answers")),
    Check("signing keys", lambda: warning("old", "rotate it")),
    Check("issuer", lambda: fails("away", "start it")),
]


def test_lines_are_aligned_and_a_remedy_stands_under_what_is_not_ok() -> None:
    assert render("auth", examine(CHECKS), colour=False) == [
        "auth doctor",
        "  ok       database      answers",
        "  warning  signing keys  old",
        "                         -> rotate it",
        "  FAIL     issuer        away",
        "                         -> start it",
        "  1 ok, 1 to look at, 1 failed",
    ]


def test_a_terminal_gets_colour_and_the_same_words() -> None:
    plain, coloured = (render("auth", examine(CHECKS), colour=colour) for colour in (False, True))
    assert "\x1b" not in "".join(plain)
    for verdict in Verdict:
        coloured = [line.replace(f"\x1b[{verdict.value}m", "").replace("\x1b[0m", "") for line in coloured]
    assert coloured == plain


@pytest.mark.parametrize(
    ("error", "says", "remedy"),
    [
        (Failed("broken", "mend it"), "broken", "mend it"),
        (Failed("broken"), "broken", "the check's own"),
        (SuiteError("no key"), "no key", "the check's own"),
        (RuntimeError("password=hush"), "cannot be checked: RuntimeError", "the check's own"),
    ],
)
def test_a_check_that_raises_is_its_own_failure(error: Exception, says: str, remedy: str) -> None:
    report = examine([Check("one", lambda: breaks(error), "the check's own"), Check("two", lambda: ok("fine"))])
    assert report == [("one", Finding(Verdict.FAIL, says, remedy)), ("two", ok("fine"))]


def test_a_check_that_hangs_is_not_waited_for() -> None:
    hung = Event()

    def look() -> Finding:
        hung.wait()
        return ok("too late")

    report = examine([Check("database", look, "look at it")], limit=timedelta(0))
    hung.set()
    assert report == [("database", Finding(Verdict.FAIL, "no answer in 0 s", "look at it"))]


def test_nothing_reaches_the_terminal_that_commands_it_or_signs_in_somewhere() -> None:
    hostile = "at https://user:p@/ss@host/x and http://token@other\x1b]0;title\x07\nFAIL  \u202etxt"
    assert printable(hostile) == "at https://***@host/x and http://***@other?]0;title??FAIL  ?txt"
    assert len(printable("x" * 10_000)) == 303


class Settings(ServiceSettings):
    """Settings of nobody."""


def settings_of(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("ENVIRONMENT", "local")
    monkeypatch.setenv("DATA_DIR", str(directory))
    monkeypatch.delenv("CLOCK_FILE", raising=False)


@pytest.mark.parametrize(("checks", "code"), [(CHECKS[:1], 0), (CHECKS[:2], 0), (CHECKS, 1), ([], 0)])
def test_only_a_failure_makes_the_exit_code(
    checks: list[Check],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings_of(monkeypatch, tmp_path)
    assert run("auth", Settings, lambda _settings, _web: checks) == code
    out, err = capsys.readouterr()
    assert out.splitlines()[1].split() == ["ok", "settings", "complete,", "ENVIRONMENT=local"]
    assert not err


def test_bad_settings_are_one_line_and_nothing_else_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_of(monkeypatch, tmp_path)
    monkeypatch.setenv("ENVIRONMENT", "moon")
    looked: list[object] = []
    assert run("auth", Settings, lambda settings, _web: looked.append(settings) or []) == 1  # type: ignore[func-returns-value]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "  FAIL     settings  ENVIRONMENT: Input should be 'local' or 'production'"
    assert len(lines) == 4
    assert looked == []
