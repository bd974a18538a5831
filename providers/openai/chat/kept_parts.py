"""The parts of an answer that compatible servers want back: kept as they came, for the server that sent them.

- ``reasoning_content`` with tool calls. DeepSeek: https://api-docs.deepseek.com/guides/thinking_mode (without it, a
  400: "The reasoning_content in the thinking mode must be passed back to the API"); Kimi:
  https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model. In turns without calls DeepSeek ignores it, and
  the first ``deepseek-reasoner`` answers with a 400: https://api-docs.deepseek.com/guides/reasoning_model. vLLM, Groq
  and Cerebras name it ``reasoning``, and Groq and Cerebras reject the other name: it goes back under the name under
  which it came. https://docs.vllm.ai/en/stable/features/reasoning_outputs/
- ``extra_content`` of calls and of the message, where Gemini has its thought signatures:
  https://ai.google.dev/gemini-api/docs/thought-signatures. Gemini 3 rejects calls without theirs.
- ``reasoning_details`` of OpenRouter, whose sequence must not change:
  https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning-blocks. ``thinking_blocks`` are the same at
  LiteLLM: https://docs.litellm.ai/docs/reasoning_content.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec

from ...schema.content import Block, Opaque, Thinking
from ..custom_tools import KEPT
from .events import Piece

REASONING_CONTENT = "reasoning_content"
"""DeepSeek's name of the member with the thinking."""

_DETAILS = "reasoning_details", "thinking_blocks"
_EXTRA = "extra_content"
_JOINED = "text", "summary", "thinking"  # the members whose pieces are joined
_SHOWN_AS_THINKING = "thought"  # of Gemini's extra_content: it is about one chunk
_Object = dict[str, Any]


class Kept(msgspec.Struct, omit_defaults=True):
    """The members that go back with the *message*, and those of its *calls*, by their position among the calls.

    The thinking goes back in the member *thinking_in*, if it has one.
    """

    thinking_in: str | None = None
    message: _Object = {}
    calls: dict[int, _Object] = {}


_kept = msgspec.json.Decoder(Kept).decode


class KeptParts:
    """Collects them from the pieces of one answer. What is not in the form that is documented is not kept."""

    def __init__(self) -> None:
        self._thinking_in: str | None = None
        self._details: dict[str, list[_Object]] = {}
        self._extra: _Object = {}

    def note_thinking(self, piece: Piece) -> None:
        """Note which member of *piece* holds thinking. An empty ``reasoning_content`` is wanted back, too."""
        if self._thinking_in is None:
            if piece.reasoning_content is not None:
                self._thinking_in = REASONING_CONTENT
            elif piece.reasoning:
                self._thinking_in = "reasoning"

    def add(self, piece: Piece) -> None:
        """Add what *piece* has besides its thinking and its calls."""
        for name in _DETAILS:
            if isinstance(details := getattr(piece, name), list):
                _join(self._details.setdefault(name, []), cast("list[object]", details))
        merge_extra(self._extra, piece.extra_content)

    def json(self, calls: Sequence[_Object]) -> bytes | None:
        """All of them; ``None`` if there are none. *calls* has the ``extra_content`` of each call, in their order."""
        message: _Object = {name: details for name, details in self._details.items() if details}
        kept = Kept(
            thinking_in=self._thinking_in if calls and not message else None,
            message=message | ({_EXTRA: self._extra} if self._extra else {}),
            calls={number: {_EXTRA: extra} for number, extra in enumerate(calls) if extra},
        )
        return None if kept == NOTHING_KEPT else msgspec.json.encode(kept)


NOTHING_KEPT = Kept()
"""Of an answer whose parts are as OpenAI's."""


def kept_in(content: Sequence[Block], provider: str) -> Kept:
    """What is kept of the answer *content* of *provider*."""
    for block in content:
        if isinstance(block, Opaque) and block.type == KEPT and block.provider == provider:
            return _kept(block.json)
    return NOTHING_KEPT


def thinking_in(content: Sequence[Block], provider: str) -> str:
    """The thinking of *provider* in *content*."""
    return "".join(block.text for block in content if isinstance(block, Thinking) and block.provider == provider)


def text_of_details(piece: Piece) -> str:
    """The text of the thinking, or of its summary, in the details of *piece*: some servers send it nowhere else."""
    details = piece.reasoning_details or piece.thinking_blocks
    parts = cast("list[object]", details) if isinstance(details, list) else ()
    members = (cast("_Object", part).get(name) for part in parts if isinstance(part, dict) for name in _JOINED)
    return "".join(text for text in members if isinstance(text, str))


def _join(details: list[_Object], pieces: Sequence[object]) -> None:
    """Add *pieces*, the array of one chunk, to *details*: each continues one of an earlier chunk, or is a new one."""
    earlier = len(details)
    for piece in pieces:
        if not isinstance(piece, dict):
            continue
        new = cast("_Object", piece)
        begun = next((each for each in reversed(details[:earlier]) if _is_continued(each, new)), None)
        if begun is None or (new.get("index") is None and begun is not details[-1]):
            details.append(dict(new))
            continue
        for name, value in new.items():
            before = begun.get(name)
            if not (isinstance(value, str) and isinstance(before, str)):
                begun[name] = before if value is None else value
            elif name in _JOINED or (name == "signature" and not value.startswith(before)):
                begun[name] = before + value
            else:
                begun[name] = value or before


def _is_continued(begun: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """True if *new* is more of *begun*, a text of the same type and index that no signature has ended."""
    if any(begun.get(name) != new.get(name) for name in ("type", "index")) or "data" in (begun.keys() | new.keys()):
        return False
    same_id = begun.get("id") is None or new.get("id") in (None, begun["id"])
    ended = bool(begun.get("signature")) and any(new.get(name) for name in _JOINED)
    return same_id and not ended


def merge_extra(extra: _Object, more: object) -> None:
    """Add *more*, an ``extra_content``, to *extra*: an object for each vendor."""
    if not isinstance(more, dict):
        return
    for vendor, members in cast("_Object", more).items():
        if isinstance(members, dict):
            kept = {name: value for name, value in cast("_Object", members).items() if name != _SHOWN_AS_THINKING}
            if kept:
                extra[vendor] = {**extra.get(vendor, {}), **kept}
