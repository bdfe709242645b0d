"""Log lines as JSON on standard error, one object a line.

Lines of one request have its `request_id`. Request lines carry the path and never the query: codes, handles and states
travel there.
"""

import json
import logging
from datetime import UTC, datetime

from shared.request_context import log_fields


class JsonFormatter(logging.Formatter):
    """One JSON object a record; `extra={"fields": {...}}` adds members."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **log_fields(),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, dict):
            line.update(fields)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logs(service: str, level: str = "INFO") -> None:
    """Send every logger of this process to standard error as JSON.

    Authlib stays at WARNING: its DEBUG lines print live tokens.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("authlib", "httpx2", "httpcore2", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
