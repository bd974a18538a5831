"""Answers: the bytes that the load server sends, cut from samples of what providers sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, cycle, islice
from pathlib import Path

import msgspec

_SAMPLES = Path(__file__).parent / "samples"
_HTTP_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ntransfer-encoding: chunked\r\n\r\n"
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

CALLS_TOOLS = {
    ANTHROPIC: ("anthropic_tool.sse", b'"type":"input_json_delta"'),
    OPENAI_CHAT: ("openai_chat_tool.sse", b'"delta":{"tool_calls":[{"index":0,"function":{"arguments":"'),
}
"""Those that may be asked for a tool call: its sample, and what marks a piece of the tool's input there."""

_TOOL = b"look_around"
_TOOL_ID = b"RavenRavenRavenRaven12"


class Ring:
    """Deltas that come over and over, each an HTTP chunk of its own. Taking a run of them copies bytes, no more."""

    def __init__(self, deltas: Sequence[bytes]) -> None:
        laid_out = list(islice(cycle(deltas), len(deltas) + MOST_AT_ONCE))
        self._number = len(deltas)
        self._bytes = b"".join(laid_out)
        self._ends = (0, *accumulate(len(delta) for delta in laid_out))

    def __len__(self) -> int:
        """How many there are before they come again."""
        return self._number

    def run(self, begin: int, end: int) -> bytes:
        """The deltas from number *begin*, counted from 0, up to *end*: ``MOST_AT_ONCE`` of them at most."""
        place = begin % self._number
        return self._bytes[self._ends[place] : self._ends[place + end - begin]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What an HTTP answer is put together from: *head*, then as many of *ring*'s deltas as it has, then *tail*."""

    head: bytes
    ring: Ring
    tail: bytes


@cache
def parts(api: Api) -> Parts:
    """Those of *api*'s answers of text."""
    head, texts, tail = _cut(_events(api.sample), api.text_mark)
    return Parts(_head(api, head), Ring(_chunks(texts)), b"".join([*_chunks(tail), _LAST_CHUNK]))


def tool_parts(api: Api, name: str, number: int) -> Parts:
    """Those of an answer that calls the tool *name*, as number so many of all calls, for it has an id of its own.

    All of the ring's deltas are the call's input. For those of ``CALLS_TOOLS`` only.
    """
    head, ring, tail = _call(api)
    named = [event.replace(_TOOL, name.encode()).replace(_TOOL_ID, b"Raven%017d" % number) for event in head]
    return Parts(_head(api, named), ring, tail)


@cache
def _call(api: Api) -> tuple[list[bytes], Ring, bytes]:
    sample, mark = CALLS_TOOLS[api]
    head, inputs, tail = _cut(_events(sample), mark)
    return head, Ring(_chunks(inputs)), b"".join([*_chunks(tail), _LAST_CHUNK])


@cache
def text(api: Api, deltas: int) -> str:
    """The text of an answer with so many deltas, for Anthropic and OpenAI chat."""
    _, texts, _ = _cut(_events(api.sample), api.text_mark)
    return "".join(islice(cycle(map(_said, texts)), deltas))


def answer_bytes(api: Api, deltas: int) -> int:
    """How long the HTTP answer of so many text deltas is."""
    whole, rest = divmod(deltas, len(parts(api).ring))
    made = parts(api)
    return len(made.head) + whole * len(made.ring.run(0, len(made.ring))) + len(made.ring.run(0, rest)) + len(made.tail)


def _said(event: bytes) -> str:
    _, _, data = event.partition(b"data: ")
    match msgspec.json.decode(data):
        case {"delta": {"text": str(said)}} | {"choices": [{"delta": {"content": str(said)}}]}:
            return said
        case _:
            raise ValueError("no event of Anthropic's or OpenAI chat's")


def _head(api: Api, events: list[bytes]) -> bytes:
    return b"".join([_HTTP_HEAD % api.content_type.encode(), *_chunks(events)])


def _cut(events: list[bytes], mark: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Those before the first that bears the mark, up to the last that does, and after it."""
    marked = [number for number, event in enumerate(events) if mark in event]
    first, end = marked[0], marked[-1] + 1
    return events[:first], events[first:end], events[end:]


def _events(name: str) -> list[bytes]:
    """The sample's."""
    sample = (_SAMPLES / name).read_bytes()
    if name.endswith(".eventstream"):
        return _frames(sample)
    gap = b"\r\n\r\n" if b"\r\n\r\n" in sample else b"\n\n"
    return [event + gap for event in sample.split(gap)[:-1]]


def _frames(sample: bytes) -> list[bytes]:
    """Those of Amazon's event stream: each begins with its length."""
    frames: list[bytes] = []
    while sample:
        length = int.from_bytes(sample[:4])
        frames.append(sample[:length])
        sample = sample[length:]
    return frames


def _chunks(events: list[bytes]) -> list[bytes]:
    return [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
