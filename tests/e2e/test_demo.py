"""`make demo` plays to its end, and the README shows the steps that it plays."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def steps(text: str) -> list[str]:
    """Return the titles that are underlined, as the demo prints them."""
    return [title for title, line in re.findall(r"^(\d+\. .+)\n(-+)$", text, re.MULTILINE) if len(title) == len(line)]


def test_the_demo_comes_out_as_told_and_as_the_readme_shows_it() -> None:
    played = subprocess.run(
        [sys.executable, "-m", "mobile.demo"], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert played.returncode == 0, played.stdout[-1500:] + played.stderr[-1500:]
    assert played.stdout.rstrip().endswith("Everything came out as told.")
    shown = steps((ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown, "the README shows no step of the demo"
    assert [title for title in steps(played.stdout) if title in shown] == shown
