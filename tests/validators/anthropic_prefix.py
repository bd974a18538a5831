"""Anthropic's check of what precedes a thinking block, over a sequence of requests.

https://platform.claude.com/docs/en/build-with-claude/preserved-thinking: a block is valid only while the system prompt,
the set of tools and every earlier message are as they were, and the thinking before it too, except that the first
blocks of a conversation may be missing. Thinking, cache marks and white space around text don't count as changes. A
block of compaction counts as the messages that it summarizes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import msgspec

Json = Mapping[str, Any]
_THINKING = ("thinking", "redacted_thinking")


class _Made(NamedTuple):
    """What a block of thinking is bound to: the model, what preceded it, and the thinking before it, if any."""

    model: str
    prefix: bytes
    previous: str | None


@dataclass
class PrefixCheck:
    """Remembers the requests whose answers had thinking, each block by its signature."""

    _made: dict[str, _Made] = field(default_factory=dict[str, _Made])
    _compacted: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def answered(self, body: Json, signature: str) -> None:
        """The answer to *body* begins with the thinking that has this *signature*."""
        sent = [block for block, _ in _thinking(body["messages"])]
        prefix = self._prefix(body, len(body["messages"]))
        self._made[signature] = _Made(body["model"], prefix, sent[-1] if sent else None)

    def compacted(self, body: Json, signature: str) -> None:
        """The answer to *body* is the block of compaction that has this *signature*."""
        self._compacted[signature] = self._messages(body, len(body["messages"]))

    def violations(self, body: Json) -> list[str]:
        """The blocks of *body* that the API would reject, and why. Blocks that are not known are not judged."""
        return list(self._violations(body, body["messages"]))

    def needlessly_omitted(self, body: Json, complete: Json) -> list[str]:
        """The signatures of blocks that *complete* has and *body* lacks, although it would be valid with them."""
        sent = {signature for signature, _ in _thinking(body["messages"])}
        return [
            signature
            for signature, _ in _thinking(complete["messages"])
            if signature not in sent and not list(self._violations(body, _only(complete, {*sent, signature})))
        ]

    def _violations(self, body: Json, messages: Sequence[Json]) -> Iterator[str]:
        previous: str | None = None
        for signature, index in _thinking(messages):
            made = self._made.get(signature)
            if made is not None and made.model != body["model"]:
                yield f"messages.{index}: thinking {signature!r} of another model"
            elif made is not None and made.prefix != self._prefix(body, index):
                yield f"messages.{index}: thinking {signature!r} is bound to a different conversation"
            elif made is not None and previous is not None and made.previous != previous:
                yield f"messages.{index}: the thinking before {signature!r} is not the one that preceded it"
            previous = signature

    def _prefix(self, body: Json, index: int) -> bytes:
        """What precedes the message *index* of *body*, in one form for everything that the API takes to be the same."""
        kept = (tool for tool in body.get("tools", ()) if not tool.get("defer_loading"))
        tools = sorted(_canonical(_unmarked(tool)).decode() for tool in kept)
        return _canonical([_texts(body.get("system") or []), tools, self._messages(body, index)])

    def _messages(self, body: Json, end: int) -> list[Any]:
        messages: list[Any] = []
        for message in body["messages"][:end]:
            first = next(iter(_blocks(message)), None)
            if first is not None and first["type"] == "compaction":
                messages += self._compacted[first["signature"]]
            else:
                messages.append([message["role"], list(_comparable(message))])
        return messages


def _thinking(messages: Sequence[Json]) -> Iterator[tuple[str, int]]:
    """Each thinking block's signature, and the index of its message."""
    for index, message in enumerate(messages):
        for block in _blocks(message):
            if block["type"] in _THINKING:
                yield block.get("signature") or block["data"], index


def _only(body: Json, signatures: set[str]) -> list[Json]:
    """The messages of *body* with the thinking that has one of *signatures*, and no other."""
    return [
        {
            **message,
            "content": [
                block
                for block in _blocks(message)
                if block["type"] not in _THINKING or (block.get("signature") or block["data"]) in signatures
            ],
        }
        for message in body["messages"]
    ]


def _comparable(message: Json) -> Iterator[Any]:
    for block in _blocks(message):
        if block["type"] == "text" and block["text"].strip():
            yield {**_unmarked(block), "text": block["text"].strip()}
        elif block["type"] not in ("text", *_THINKING):
            yield _unmarked(block)


def _texts(content: str | Sequence[Json]) -> list[str]:
    return [content] if isinstance(content, str) else [block["text"] for block in content]


def _blocks(message: Json) -> Sequence[Json]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else cast("Sequence[Json]", content)


def _unmarked(block: Json) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "cache_control"}


def _canonical(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
