"""The tool of all contestants: it does nothing, so that what is measured is the loop around it."""

from typing import Any

DESCRIPTION = "Look around at a place."
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"place": {"type": "string"}, "how_often": {"type": "integer"}},
    "required": ["place", "how_often"],
}
RESULT = "There is nobody here."


async def look_around(place: str, how_often: int) -> str:
    """Look around at a place."""
    del place, how_often
    return RESULT


NAME = look_around.__name__
