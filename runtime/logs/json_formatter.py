"""Log records as JSON lines."""

import logging
from datetime import UTC, datetime

import msgspec

from .ids import IDS


class JSONFormatter(logging.Formatter):
    """Formats a log record as one line of JSON.

    Its fields are ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message`` and ``process`` (its id); where the
    record is about them, ``session``, ``turn`` and ``correlation_id``, the one of the turn's user message; and
    ``exception``, a traceback. Session actors that a program starts write such lines, too, if a handler of its logger
    ``rayconteur``, or of its root logger, has such a formatter.
    """

    def __repr__(self) -> str:
        return "JSONFormatter()"

    def format(self, record: logging.LogRecord) -> str:
        """*record* as a line, without its end."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        fields |= {name: value for name in IDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()
