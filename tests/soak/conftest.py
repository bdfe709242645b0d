"""The long proofs are collected with SOAK=1 alone."""

from tests.support.soak import SOAK

collect_ignore_glob = [] if SOAK else ["test_*.py"]
