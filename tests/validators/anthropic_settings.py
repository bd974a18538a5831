"""Anthropic's rules for what stands beside the messages, and for the marks that ask it to keep a prefix.

From its documents (Extended thinking, Prompt caching) and the errors that its API gives.
"""

from collections.abc import Iterator, Mapping
from typing import cast

MARKS = 4


def misfits(body: Mapping[str, object]) -> Iterator[str]:
    """What Anthropic would refuse in the settings of *body*."""
    if (marks := sum(1 for _ in _marks(body))) > MARKS:
        yield f"A maximum of {MARKS} blocks with cache_control may be provided. Found {marks}."
    thinking = body.get("thinking")
    if isinstance(thinking, Mapping) and cast("Mapping[str, object]", thinking).get("type") == "enabled":
        yield from _beside_a_budget(body)


def _beside_a_budget(body: Mapping[str, object]) -> Iterator[str]:
    if "top_k" in body:
        yield "`top_k` must be unset when thinking is enabled"
    if not 0.95 <= cast(float, body.get("top_p", 1.0)) <= 1:
        yield "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled"


def _marks(part: object) -> Iterator[object]:
    """All marks in *part*. What a model wrote may hold the word, too, and a schema."""
    if isinstance(part, Mapping):
        found = cast("Mapping[str, object]", part)
        yield from (value for name, value in found.items() if name == "cache_control")
        for name, value in found.items():
            if name not in ("input", "input_schema", "output_config"):
                yield from _marks(value)
    elif isinstance(part, list | tuple):
        for value in cast("list[object]", part):
            yield from _marks(value)
