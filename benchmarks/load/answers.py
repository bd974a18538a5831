"""Answers: the bytes that the load server sends, cut from samples of what providers sent."""

from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate, cycle, islice
from pathlib import Path

import msgspec

_SAMPLES = Path(__file__).parent / "samples"
_LAST_CHUNK = b"0\r\n\r\n"
MOST_AT_ONCE = 1_024
"""So many events of an answer go in one write at most."""


@dataclass(frozen=True, slots=True)
class Api:
    """One provider's streaming API: a model that it has, where it is asked, its sample, and what marks text there."""

    name: str
    model: str
    path: str
    sample: str
    text_mark: bytes
    content_type: str = "text/event-stream"


ANTHROPIC = Api("Anthropic", "claude-opus-4-5", "/v1/messages", "anthropic.sse", b'"type":"text_delta"')
OPENAI_CHAT = Api("OpenAI chat", "gpt-4o-mini", "/v1/chat/completions", "openai_chat.sse", b'"delta":{"content":"')
OPENAI_RESPONSES = Api(
    "OpenAI Responses",
    "gpt-4.1-nano",
    "/v1/responses",
    "openai_responses.sse",
    b'"type":"response.output_text.delta"',
)
GEMINI = Api(
    "Gemini",
    "gemini-3-flash-preview",
    "/v1beta/models/gemini-3-flash-preview:streamGenerateContent",
    "gemini.sse",
    b'"role": "model"},"index": 0}',
)
COHERE = Api("Cohere", "command-a-03-2025", "/v2/chat", "cohere.sse", b'"type":"content-delta"')
BEDROCK = Api(
    "Bedrock",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
    "bedrock.eventstream",
    b'"delta":{"text":"',
    "application/vnd.amazon.eventstream",
)
APIS = (ANTHROPIC, OPENAI_CHAT, OPENAI_RESPONSES, GEMINI, COHERE, BEDROCK)


@dataclass(frozen=True, slots=True)
class Parts:
    """What answers are put together from: *head*, then as many *deltas* as it has, over and over, then *tail*.

    Each event is an HTTP chunk of its own.
    """

    head: bytes
    deltas: tuple[bytes, ...]
    tail: bytes
    _ring: bytes = field(init=False, repr=False)
    _ends: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        ring = tuple(islice(cycle(self.deltas), len(self.deltas) + MOST_AT_ONCE))
        object.__setattr__(self, "_ring", b"".join(ring))
        object.__setattr__(self, "_ends", (0, *accumulate(len(delta) for delta in ring)))

    def run(self, begin: int, end: int) -> bytes:
        """The deltas from number *begin*, counted from 0, up to *end*: ``MOST_AT_ONCE`` of them at most."""
        place = begin % len(self.deltas)
        return self._ring[self._ends[place] : self._ends[place + end - begin]]


@cache
def parts(api: Api) -> Parts:
    """Those of *api*'s answers of text."""
    events = _events(api)
    texts = [number for number, event in enumerate(events) if api.text_mark in event]
    made = [_chunk(event) for event in events]
    first, end = texts[0], texts[-1] + 1
    return Parts(b"".join(made[:first]), tuple(made[first:end]), b"".join([*made[end:], _LAST_CHUNK]))


@cache
def text(api: Api, deltas: int) -> str:
    """The text of an answer with so many deltas, for Anthropic and OpenAI chat."""
    said = [_said(event) for event in _events(api) if api.text_mark in event]
    return "".join(islice(cycle(said), deltas))


def _said(event: bytes) -> str:
    _, _, data = event.partition(b"data: ")
    match msgspec.json.decode(data):
        case {"delta": {"text": str(said)}} | {"choices": [{"delta": {"content": str(said)}}]}:
            return said
        case _:
            raise ValueError("no event of Anthropic's or OpenAI chat's")


def _events(api: Api) -> list[bytes]:
    """The sample's."""
    sample = (_SAMPLES / api.sample).read_bytes()
    gap = b"\r\n\r\n" if b"\r\n\r\n" in sample else b"\n\n"
    return _frames(sample) if api == BEDROCK else [event + gap for event in sample.split(gap)[:-1]]


def _frames(sample: bytes) -> list[bytes]:
    """Those of Amazon's event stream: each begins with its length."""
    frames: list[bytes] = []
    while sample:
        length = int.from_bytes(sample[:4])
        frames.append(sample[:length])
        sample = sample[length:]
    return frames


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)
