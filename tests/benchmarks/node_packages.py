"""Packages of npm for the peers: installed into a temporary folder, gone at the end."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_INSTALL = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
_PATIENCE = 180  # seconds; npm without a network tries for long


class NoPeer(Exception):
    """There is none to measure against; the message says why."""


@contextmanager
def node_packages(*packages: str) -> Iterator[Path]:
    """Yield a folder in which node finds the packages.

    Raises:
        NoPeer: node or npm is missing, or the packages cannot be had.
    """
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NoPeer("node and npm are not installed")
    with tempfile.TemporaryDirectory(prefix="sso-bench-peer-") as directory:
        try:
            subprocess.run([*_INSTALL, *packages], cwd=directory, check=True, capture_output=True, timeout=_PATIENCE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            raise NoPeer(f"npm could not install {', '.join(packages)}") from None
        yield Path(directory)
