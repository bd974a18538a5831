"""Answers: the bytes that the load server sends, cut from samples of what providers sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, cycle, islice
from pathlib import Path

_SAMPLES = Path(__file__).parent / "samples"
_LAST_CHUNK = b"0\r\n\r\n"


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


def chunks(api: Api, deltas: int) -> Iterator[bytes]:
    """An answer with so many text deltas, the sample's over and over. Each event is an HTTP chunk of its own."""
    head, texts, tail = _events(api)
    return chain(head, islice(cycle(texts), deltas), tail, [_LAST_CHUNK])


@cache
def whole(api: Api, deltas: int) -> bytes:
    """The same in one piece: what a server sends that has everything ready. Made once, so that sending costs little."""
    return b"".join(chunks(api, deltas))


@cache
def _events(api: Api) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The sample's events as HTTP chunks: those before the first text delta, the text deltas, those after the last."""
    sample = (_SAMPLES / api.sample).read_bytes()
    gap = b"\r\n\r\n" if b"\r\n\r\n" in sample else b"\n\n"
    events = _frames(sample) if api == BEDROCK else [event + gap for event in sample.split(gap)[:-1]]
    texts = [number for number, event in enumerate(events) if api.text_mark in event]
    made = [_chunk(event) for event in events]
    first, end = texts[0], texts[-1] + 1
    return made[:first], made[first:end], made[end:]


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
