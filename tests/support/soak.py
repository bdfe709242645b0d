"""The long proofs: SOAK=1 runs what stands in tests/soak, and gives seeded tests their full number of cases."""

import os

SOAK = os.environ.get("SOAK") == "1"  # noqa: TID251 - a choice of the person who runs the tests, no setting


def cases(usual: int, full: int) -> int:
    """Return how many cases a seeded test tries."""
    return full if SOAK else usual
