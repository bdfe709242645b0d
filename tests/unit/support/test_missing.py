import pytest

from tests.support.missing import missing, missing_program


def test_a_missing_program_skips_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="missing Chromium: install it") as skipped:
        missing("Chromium", "install it")
    assert missing_program(str(skipped.value)) == "Chromium"


def test_in_ci_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="missing PostgreSQL: install it"):
        missing("PostgreSQL", "install it")


def test_other_skips_are_not_counted() -> None:
    assert missing_program("Skipped: not on this platform") is None
