"""make bench-flames: a flame graph of auth while it refreshes tokens, and one while it answers code flows.

Writes docs/flames/<workload>-<label>.svg by py-spy, which is no dependency of the project: install it anywhere and name
it with `pyspy=`, or have it on PATH. Needs PostgreSQL, and the right to trace a process of one's own.
"""

import argparse
import re
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

from tests.benchmarks.auth_process import auth_backend
from tests.benchmarks.auth_rounds import our_rounds
from tests.benchmarks.load import Round
from tests.benchmarks.processor import divided_cores, pinned

FLAMES = Path(__file__).parents[1] / "docs" / "flames"
_SECONDS, _RATE = 12, 250
#: Where files lie says nothing to a reader, and belongs to one machine.
_PLACES = re.compile(r"(?:/[\w.+-]+)+/(?:site-packages|python3\.\d+)/|" + re.escape(f"{Path(__file__).parents[1]}/"))


def main() -> None:
    """Record the graphs of both workloads."""
    parser = argparse.ArgumentParser(prog="make bench-flames", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("label", help="the end of the files' names, such as: after")
    parser.add_argument("--py-spy", default=shutil.which("py-spy"), help="the program")
    arguments = parser.parse_args()
    if not arguments.py_spy:
        sys.exit("bench-flames: py-spy is not on PATH; install it and name it with pyspy=")
    FLAMES.mkdir(exist_ok=True)
    cores = divided_cores()
    with auth_backend(cores.load) as backend, backend.serving(cores.server) as auth, pinned(cores.load):
        rounds = our_rounds(auth)
        for name in ("refresh", "flow"):
            file = FLAMES / f"{name}-{arguments.label}.svg"
            record(auth.address.removeprefix("http://"), rounds[name][0], arguments.py_spy, auth.pid, file)
            print(f"{file.relative_to(Path.cwd())}: {file.stat().st_size // 1024} KiB")


def record(netloc: str, one: Round, py_spy: str, pid: int, file: Path) -> None:
    """Keep one connection at work while py-spy samples the process.

    One, because py-spy can't tell a thread that works without Python's lock (a signature) from one that waits for it.
    """
    over = threading.Event()

    def load() -> None:
        connection = HTTPConnection(netloc, timeout=60)
        while not over.is_set():
            one(connection)
        connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(load)
        options = ["record", "--format", "flamegraph", "--rate", str(_RATE), "--duration", str(_SECONDS)]
        try:
            command = [py_spy, *options, "--pid", str(pid), "--output", str(file)]
            subprocess.run(command, check=True, capture_output=True)
        finally:
            over.set()
        running.result()
    drawn = _PLACES.sub("", file.read_text(encoding="utf-8"))
    file.write_text(drawn.replace(py_spy, "py-spy"), encoding="utf-8")


if __name__ == "__main__":
    main()
