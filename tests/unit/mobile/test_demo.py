"""The demo's telling: nothing secret in it, and the step that went wrong is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from mobile.demo import __main__ as demo
from mobile.demo.narrator import Narrator, Unexpected, fingerprint
from mobile.demo.story import Story
from mobile.demo.suite import Suite
from mobile.errors import MobileError
from tests.integration.mobile.scripted_provider import rsa_key


def test_decoded_token_shows_header_and_claims_and_never_the_token(capsys: pytest.CaptureFixture[str]) -> None:
    token = jwt.encode({"sub": "alice", "scope": "x" * 300}, rsa_key("key-1"), "RS256", {"kid": "key-1"})

    Narrator(verbose=True).show_jwt("access token", token)

    out = capsys.readouterr().out
    assert '"sub": "alice"' in out
    assert '"kid": "key-1"' in out
    for part in token.split("."):
        assert part not in out
    assert max(map(len, out.splitlines())) <= 120


def test_one_time_values_of_a_url_are_shortened(capsys: pytest.CaptureFixture[str]) -> None:
    Narrator(verbose=True).show_url(
        "link", "myapp://callback?code=abcdefghij&state=0123456789&iss=http://localhost:9000"
    )

    out = capsys.readouterr().out
    assert "myapp://callback" in out
    assert "iss = http://localhost:9000" in out
    assert "abcdefg" not in out
    assert "0123456" not in out


def test_without_verbose_a_chapter_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(verbose=False)
    narrator.begin("First")
    narrator.say("prose")
    narrator.expect(True, "a check")
    narrator.show("document", {"a": 1})
    narrator.show_url("link", "myapp://callback?code=x")
    assert capsys.readouterr().out == ""

    narrator.sum_up("What was shown")
    assert capsys.readouterr().out == " 1. What was shown\n"
    assert narrator.step == "1. First"


def test_plain_text_where_no_terminal_listens(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(verbose=True)
    narrator.begin("First")
    narrator.expect(True, "long words are kept whole: " + "w" * 80 + " " + "v" * 80)

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.startswith("\n1. First\n--------\n  ok  long")
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize("verbose", [True, False])
def test_what_came_out_otherwise_stops_the_story(verbose: bool) -> None:
    with pytest.raises(Unexpected, match="a promise"):
        Narrator(verbose=verbose).expect(False, "a promise")


def test_fingerprints_tell_tokens_apart() -> None:
    assert fingerprint("a") == fingerprint("a") != fingerprint("b")


def test_failed_step_is_named_and_exits_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    @contextmanager
    def nothing_runs(_data: Path) -> Iterator[Suite]:
        (tmp_path / "clock").write_text("+0\n")
        yield Suite("http://localhost:1", "http://localhost:1", "http://localhost:1", tmp_path)

    monkeypatch.setattr(demo, "running_suite", nothing_runs)

    def no_luck(_story: Story) -> None:
        raise MobileError("no luck")

    monkeypatch.setattr(Story, "_sign_in", no_luck)

    assert demo.main([]) == 1
    shown = capsys.readouterr()
    assert "FAILED at 1. The app starts with an empty token store" in shown.err
    assert "no luck" in shown.err


def test_clock_file_moves_by_whole_steps(tmp_path: Path) -> None:
    suite = Suite("", "", "", tmp_path)
    suite.clock_file.write_text("+0\n")

    suite.move_clock(timedelta(minutes=6))
    suite.move_clock(timedelta(seconds=-30))

    assert suite.clock_file.read_text() == "+330\n"
