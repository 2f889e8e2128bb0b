"""The log: one line of JSON for each event, on stderr."""

import json
import logging
import os
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered; threads that it starts know it, too."""


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON, with the request's id and what `extra={"fields": ...}` says."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "logger": record.name,
            "pid": os.getpid(),
        }
        if request_id.get():
            line["id"] = request_id.get()
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logs(level: int = logging.INFO) -> None:
    """Sends everything that the process logs to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("alembic", "uvicorn.error"):  # what they tell of themselves, we tell
        logging.getLogger(name).setLevel(logging.WARNING)
