"""The log of an actor's process: what the program that started it logs, the actor logs, too."""

import logging

import msgspec

from ..logs.json_formatter import JSONFormatter

_ROOT = __name__.partition(".")[0]
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class Logged(msgspec.Struct, frozen=True):
    """What a process logs: from which *level* on, and whether as *json* lines."""

    level: int = logging.WARNING
    json: bool = False


def logged() -> Logged:
    """What this process logs of what the package reports."""
    logger = logging.getLogger(_ROOT)
    formatters = [handler.formatter for handler in (*logger.handlers, *logging.getLogger().handlers)]
    return Logged(logger.getEffectiveLevel(), any(isinstance(each, JSONFormatter) for each in formatters))


def log_as(logged: Logged) -> None:
    """Log the package's reports as *logged*, to the standard error, which Ray shows on the driver's terminal.

    A log that the process has already, by Ray's ``LoggingConfig`` or by a setup hook, is left as it is.
    """
    logger = logging.getLogger(_ROOT)
    if logging.getLogger().handlers or logger.handlers:
        return
    logger.setLevel(logged.level)
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter() if logged.json else logging.Formatter(_FORMAT))
    logger.addHandler(handler)
    logger.propagate = False
