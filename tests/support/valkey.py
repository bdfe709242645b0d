"""A real Valkey (or Redis) of one test's own, in memory on a loopback port."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.missing import missing
from tests.support.ports import free_ports


@contextmanager
def running_valkey() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yield its URL and its process, once it answers; it is gone at the end."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        missing("Valkey", "install it (Debian: apt-get install valkey-server, or redis-server)")
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as directory:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    if b"eady to accept connections" in line:
                        break
                yield f"valkey://127.0.0.1:{port}/0", process
            finally:
                process.terminate()
