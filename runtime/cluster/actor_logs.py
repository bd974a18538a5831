"""The log of an actor's process: what the program that started it logs, the actor logs, too."""

import logging

_ROOT = __name__.partition(".")[0]
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def logged_level() -> int:
    """The level from which on this process logs what the package reports."""
    return logging.getLogger(_ROOT).getEffectiveLevel()


def log_from(level: int) -> None:
    """Log the package's reports from *level* on, to the standard error, which Ray shows on the driver's terminal.

    A log that the process has already, by Ray's ``LoggingConfig`` or by a setup hook, is left as it is.
    """
    logger = logging.getLogger(_ROOT)
    if logging.getLogger().handlers or logger.handlers:
        return
    logger.setLevel(level)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(_FORMAT))
    logger.addHandler(handler)
    logger.propagate = False
