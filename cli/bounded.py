"""Numbers on the command line: all are bounded, so that a slip of the finger fills no memory and waits for no year."""

import math

import typer

MOST_SESSIONS = 100_000
"""More than one machine holds."""

MOST_RECORDS = 1 << 53
"""More than a session ever has; and of its epochs, which are points in time."""

MOST_TOKENS_PER_S = 1_000_000.0
LONGEST_S = 86_400.0


def require_number(value: float | None) -> float | None:
    """*value*, if it is not NaN, which is neither too large nor too small.

    Raises:
        BadParameter: it is.
    """
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is no number.")
    return value
