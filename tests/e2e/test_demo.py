"""`make demo` plays to its end in ten lines, which the README shows as they are, and in detail when asked to."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def play(*arguments: str) -> str:
    """Run the demo and return what it printed."""
    played = subprocess.run(
        [sys.executable, "-m", "mobile.demo", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert played.returncode == 0, played.stdout[-1500:] + played.stderr[-1500:]
    return played.stdout


def test_the_demo_is_ten_lines_as_the_readme_shows_them() -> None:
    told = play()

    chapters = re.findall(r"^ ?(\d+)\. .{20,110}$", told, re.MULTILINE)
    assert chapters == [str(number) for number in range(1, 11)]
    assert len(told.splitlines()) == len(chapters) + 2, "one line before, one after"
    assert told in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_demo_in_detail_decodes_tokens_and_prints_none() -> None:
    told = play("--verbose")

    assert told.rstrip().endswith("Everything came out as told.")
    titles = re.findall(r"^(\d+)\. .+\n-+$", told, re.MULTILINE)
    assert titles == [str(number) for number in range(1, 18)]
    assert '"typ": "at+jwt"' in told
    assert re.search(r"eyJ[\w-]+\.eyJ", told) is None
