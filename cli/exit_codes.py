"""The exit codes of the command line."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended. From 128 on it is 128 plus the number of the signal, as shells define it."""

    COMPLETED = 0
    """All turns were completed."""
    FAILED = 1
    """A turn failed."""
    USAGE = 2
    """An option is invalid or a key is missing; no request was sent."""
    UNREACHABLE = 3
    """There is no Ray at the given address."""
    NOTHING_RUNS = 4
    """Nothing runs in the namespace."""
    HUNG_UP = 129
    """The terminal was closed (SIGHUP)."""
    INTERRUPTED = 130
    """Ctrl-C was pressed (SIGINT)."""
    OUTPUT_GONE = 141
    """The reader of standard output is gone (SIGPIPE)."""
    TERMINATED = 143
    """The command got SIGTERM."""
