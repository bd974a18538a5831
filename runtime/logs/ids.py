"""The ids that log records have: what they are about, for who filters them."""

IDS = ("session", "turn", "correlation_id")
"""The fields of log records."""


def ids(session: str, turn: int = 0, correlation_id: str = "") -> dict[str, str | int]:
    """The *extra* of a log record about *session*, and about *turn*, if it is given."""
    found: dict[str, str | int] = {"session": session}
    if turn:
        found["turn"] = turn
    if correlation_id:
        found["correlation_id"] = correlation_id
    return found
