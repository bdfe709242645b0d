"""The secrets of an operator's own configuration file reach `apply` by the name of their file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.with_secrets import named_files
from shared.errors import ConfigurationError

TELL = "import os; print(open(os.environ['PARTNER_SECRET_FILE']).read())"


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.with_secrets", str(folder), sys.executable, "-c", TELL]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_file_is_the_variable_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "PARTNER_SECRET").write_text("a long one")
    (tmp_path / ".gitignore").touch()
    assert run(tmp_path).stdout == "a long one\n"


def test_a_folder_that_is_missing_or_empty_names_nothing(tmp_path: Path) -> None:
    assert named_files(tmp_path) == named_files(tmp_path / "missing") == {}


def test_a_name_that_no_variable_has_is_refused(tmp_path: Path) -> None:
    (tmp_path / "partner-secret.txt").touch()
    done = run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("with_secrets: partner-secret.txt: name the file as the configuration does")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "PARTNER_SECRET").touch(mode=0o000)
    monkeypatch.setattr(os, "access", lambda _file, _mode: False)  # tests may run as root, who reads everything
    with pytest.raises(ConfigurationError, match="PARTNER_SECRET: cannot be read"):
        named_files(tmp_path)
