"""Log lines as JSON objects, one a line, for programs that collect them."""

import logging
from datetime import UTC, datetime
from typing import Any

import msgspec


class JsonLines(logging.Formatter):
    """Writes a record that has passed the filters: masked, and with what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", ""),
            "lane_id": getattr(record, "lane_id", None),
            "process": record.process,
            "traceback": record.exc_text or (self.formatException(record.exc_info) if record.exc_info else ""),
            "stack": record.stack_info,
        }
        told = {name: value for name, value in line.items() if value not in ("", None)}
        return msgspec.json.encode(told).decode()
