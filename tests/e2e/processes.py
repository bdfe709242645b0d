"""One more process of a service, beside those of a running stack."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from services.local_stack import stack_environment

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(service: str, environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """Start `python -m services.<service> serve`, yield its address once it answers, and stop it."""
    settings = stack_environment(environment)
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen(
            [sys.executable, "-m", f"services.{service}", "serve"],
            cwd=ROOT,
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        address = f"http://localhost:{settings[f'{service.upper()}_PORT']}"
        try:
            # the transport tries again, a little later each time, for as long as nothing listens
            patient = httpx2.HTTPTransport(retries=7)
            with httpx2.Client(transport=patient, trust_env=False, timeout=20) as client:
                client.get(f"{address}/livez").raise_for_status()
            yield address
        finally:
            process.terminate()
