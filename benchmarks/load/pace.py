"""The pace: how fast a load server's answers come."""

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """How fast an answer comes. ``None`` is all at once."""

    tokens_per_s: float | None = None
    first_token_s: float = 0.0
