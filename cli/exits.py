"""What the command's exit code says."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    COMPLETED = 0
    """All turns were completed."""
    FAILED = 1
    """A turn failed."""
    USAGE = 2
    """Nothing was asked: an option does not fit, a key is missing."""
    UNREACHABLE = 3
    """No Ray at the address given."""
    HUNG_UP = 129
    """The terminal was closed: SIGHUP. From here on it is 128 + the signal's number, as shells have it."""
    INTERRUPTED = 130
    """By Ctrl-C: SIGINT."""
    OUTPUT_GONE = 141
    """Nobody reads the output any more: SIGPIPE."""
    TERMINATED = 143
    """By SIGTERM."""
