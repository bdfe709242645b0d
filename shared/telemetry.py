"""Metrics in the Prometheus text format.

One registry a process (the default one of prometheus_client); modules declare their counters where they count.
"""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


def render_metrics() -> tuple[bytes, str]:
    """Return the body and the content type of /metrics."""
    return generate_latest(), CONTENT_TYPE_LATEST
