"""Metrics in the Prometheus text format.

One registry a process (the default one of prometheus_client); modules declare their counters where they count. Several
workers of one service write theirs into a directory, and whichever is asked answers for all of them.
"""

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

#: The variable by which prometheus_client learns of the directory; it is set before a worker starts.
MULTIPROCESS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def render_metrics() -> tuple[bytes, str]:
    """Return the body and the content type of /metrics."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # no directory: this is the only process
        return generate_latest(), CONTENT_TYPE_LATEST
    return generate_latest(registry), CONTENT_TYPE_LATEST


def forget_process(pid: int, directory: str) -> None:
    """Drop the gauges of a worker that has ended; its counts stay."""
    mark_process_dead(pid, directory)  # type: ignore[no-untyped-call]
