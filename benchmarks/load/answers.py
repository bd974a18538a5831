"""The bytes of answers, cut from samples of what providers send."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, cycle, islice
from pathlib import Path

import msgspec

_SAMPLES = Path(__file__).parent / "samples"
_HTTP_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
_LAST_CHUNK = b"0\r\n\r\n"
MAX_EVENTS_PER_WRITE = 1_024
_whole_text = re.compile(rb'"text":"[^"]*"').sub


@dataclass(frozen=True, slots=True)
class Api:
    """A provider's streaming API: its name, a model, its path, a sample of an answer, and what marks text in it."""

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

TOOL_SAMPLES = {
    ANTHROPIC: ("anthropic_tool.sse", b'"type":"input_json_delta"'),
    OPENAI_CHAT: ("openai_chat_tool.sse", b'"delta":{"tool_calls":[{"index":0,"function":{"arguments":"'),
}
"""The APIs that can answer with a tool call: the sample, and what marks a piece of the tool's input in it."""

_TOOL = b"look_around"
_TOOL_ID = b"RavenRavenRavenRaven12"


class DeltaRing:
    """Deltas repeated cyclically, each its own HTTP chunk. A run of them is one slice of bytes."""

    def __init__(self, deltas: Sequence[bytes]) -> None:
        repeated = list(islice(cycle(deltas), len(deltas) + MAX_EVENTS_PER_WRITE))
        self._number = len(deltas)
        self._bytes = b"".join(repeated)
        self._ends = (0, *accumulate(len(delta) for delta in repeated))

    def __len__(self) -> int:
        """The number of distinct deltas."""
        return self._number

    def run(self, begin: int, end: int) -> bytes:
        """The deltas from index *begin* up to *end*, at most ``MAX_EVENTS_PER_WRITE``."""
        first = begin % self._number
        return self._bytes[self._ends[first] : self._ends[first + end - begin]]


@dataclass(frozen=True, slots=True)
class AnswerParts:
    """The parts of an HTTP answer: *head*, any number of deltas from *ring*, *tail*."""

    head: bytes
    ring: DeltaRing
    tail: bytes


@cache
def text_parts(api: Api) -> AnswerParts:
    """The parts of an answer of text."""
    head, texts, tail = _split_events(_events(api.sample), api.text_mark)
    if api is OPENAI_RESPONSES:  # its last events repeat the text, which would be that of so many deltas only
        tail = [_whole_text(b'"text":""', event) for event in tail]
    return AnswerParts(_head(api, head), DeltaRing(_chunks(texts)), b"".join([*_chunks(tail), _LAST_CHUNK]))


def tool_parts(api: Api, name: str, number: int) -> AnswerParts:
    """The parts of an answer that calls the tool *name*; *number* makes the call's id unique.

    All deltas of the ring together are the input of the call. Only for APIs in ``TOOL_SAMPLES``.
    """
    head, ring, tail = _tool_call_parts(api)
    named = [event.replace(_TOOL, name.encode()).replace(_TOOL_ID, b"Raven%017d" % number) for event in head]
    return AnswerParts(_head(api, named), ring, tail)


@cache
def _tool_call_parts(api: Api) -> tuple[list[bytes], DeltaRing, bytes]:
    sample, mark = TOOL_SAMPLES[api]
    head, inputs, tail = _split_events(_events(sample), mark)
    return head, DeltaRing(_chunks(inputs)), b"".join([*_chunks(tail), _LAST_CHUNK])


@cache
def answer_text(api: Api, deltas: int) -> str:
    """The text of an answer of *deltas* deltas. Only for Anthropic and OpenAI chat."""
    _, texts, _ = _split_events(_events(api.sample), api.text_mark)
    return "".join(islice(cycle(map(_event_text, texts)), deltas))


def answer_bytes(api: Api, deltas: int) -> int:
    """The length of the HTTP answer of *deltas* text deltas."""
    parts = text_parts(api)
    ring = parts.ring
    cycles, rest = divmod(deltas, len(ring))
    return len(parts.head) + cycles * len(ring.run(0, len(ring))) + len(ring.run(0, rest)) + len(parts.tail)


def _event_text(event: bytes) -> str:
    _, _, data = event.partition(b"data: ")
    match msgspec.json.decode(data):
        case {"delta": {"text": str(text)}} | {"choices": [{"delta": {"content": str(text)}}]}:
            return text
        case _:
            raise ValueError("not a text event of Anthropic or OpenAI chat")


def _head(api: Api, events: list[bytes]) -> bytes:
    return b"".join([_HTTP_HEAD % api.content_type.encode(), *_chunks(events)])


def _split_events(events: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The events before the first with *mark*, from it to the last with *mark*, and after that."""
    marked = [number for number, event in enumerate(events) if mark in event]
    first, end = marked[0], marked[-1] + 1
    return events[:first], events[first:end], events[end:]


def _events(name: str) -> list[bytes]:
    """The events of a sample."""
    sample = (_SAMPLES / name).read_bytes()
    if name.endswith(".eventstream"):
        return _frames(sample)
    gap = b"\r\n\r\n" if b"\r\n\r\n" in sample else b"\n\n"
    return [event + gap for event in sample.split(gap)[:-1]]


def _frames(sample: bytes) -> list[bytes]:
    """The frames of Amazon's event stream: each begins with its length."""
    frames: list[bytes] = []
    while sample:
        length = int.from_bytes(sample[:4])
        frames.append(sample[:length])
        sample = sample[length:]
    return frames


def _chunks(events: list[bytes]) -> list[bytes]:
    return [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
