"""`python -m mobile.demo [--verbose]`: exit 0 if everything came out as told, else 1 with the step named."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import httpx2

from mobile.demo.narrator import Narrator, Unexpected
from mobile.demo.story import Story
from mobile.demo.suite import running_suite
from mobile.errors import MobileError
from mobile.simulator import BlockedByBrowser, UnexpectedPage


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m mobile.demo", description="Play a mobile app's scenarios against the real suite."
    )
    parser.add_argument("--verbose", action="store_true", help="tell each step, with decoded tokens")
    narrator = Narrator(verbose=parser.parse_args(arguments).verbose)
    print("Starting auth, crm and orders on own ports, with own temporary data ...", flush=True)
    try:
        with tempfile.TemporaryDirectory(prefix="sso-demo-") as directory, running_suite(Path(directory)) as suite:
            if narrator.verbose:
                print(f"auth {suite.auth}, crm {suite.crm}, orders {suite.orders}")
            Story(suite, Path(directory) / "phones", narrator).play()
    except (Unexpected, MobileError, UnexpectedPage, BlockedByBrowser, httpx2.HTTPError) as error:
        print(f"\nFAILED at {narrator.step}\n  {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print("Everything came out as told." + ("" if narrator.verbose else " Each step: make demo verbose=1"))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that the suite is ended too
    sys.exit(main())
