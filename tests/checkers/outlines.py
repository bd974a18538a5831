"""Outlines of answers: what a sample states about them."""

from collections.abc import Sequence
from typing import Any

from rayconteur.providers.schema.content import Block, Opaque, Text, Thinking, ToolUse
from rayconteur.providers.schema.usage import Count, Provenance, Usage


def outline(content: Sequence[Block], like: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of *content* as tables, with what those in *like* state: ids, signatures and opaque blocks may be
    left out there.
    """
    stated = {name for table in like for name in table}
    tables = [_table(block) for block in content if "opaque" in stated or not isinstance(block, Opaque)]
    optional = {"id", "signature", "cites"} - stated
    return [{name: value for name, value in table.items() if name not in optional} for table in tables]


def figures(usage: Usage) -> dict[str, float | None]:
    """The counts and the cost of *usage*, all of which the provider must have reported."""
    counts = {name: getattr(usage, name) for name in ("input", "output", "cache_read", "cache_write", "reasoning")}
    return {name: _reported(count) for name, count in counts.items()} | {"cost_usd": usage.cost.usd}


def _reported(count: Count) -> int | None:
    assert count.provenance is (Provenance.UNAVAILABLE if count.tokens is None else Provenance.REPORTED)
    return count.tokens


def _table(block: Block) -> dict[str, Any]:
    match block:
        case Text(text=text, citations=citations):
            return {"text": text} | ({"cites": [cited.url or cited.title for cited in citations]} if citations else {})
        case Thinking(redacted=True, signature=signature):
            return {"redacted": signature}
        case Thinking(text=text, signature=signature):
            return {"thinking": text} | ({"signature": signature} if signature else {})
        case ToolUse(malformed=str(malformed), name=name, id=use_id):
            return {"tool": name, "malformed": malformed, "id": use_id}
        case ToolUse(name=name, input=tool_input, id=use_id):
            return {"tool": name, "input": tool_input, "id": use_id}
        case Opaque(type=kind):
            return {"opaque": kind}
        case _:
            return {type(block).__name__: True}
