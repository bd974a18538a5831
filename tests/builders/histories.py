"""Random valid histories (hypothesis), a model that writes summaries, and the checks of every provider's request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from hypothesis import strategies as st
from validators import anthropic, bedrock, chat, cohere, google, responses

from rayconteur.compaction import SideRequest
from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.bedrock import requests as bedrock_requests
from rayconteur.providers.bedrock.dialect import Dialect as BedrockDialect
from rayconteur.providers.cohere import requests as cohere_requests
from rayconteur.providers.cohere import rules as cohere_rules
from rayconteur.providers.google import requests as google_requests
from rayconteur.providers.google import rules as google_rules
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.schema.content import (
    Block,
    Document,
    Image,
    Opaque,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    UserBlock,
)
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message, Role, StandsFor
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool
from rayconteur.providers.schema.usage import Usage, reported

CLAUDE_ON_BEDROCK = "anthropic.claude-sonnet-4-5-20250929-v1:0"
SETTINGS = Settings(system="Be brief.", tools=(Tool(name="look"),))
USAGE = Usage(input=reported(100), output=reported(10))
IMAGE = Image(data=b"\x89PNG" + bytes(500), media_type="image/png")
FAR_IMAGE = Image(url="https://example.org/raven.png")
PDF = Document(data=b"%PDF" + bytes(2_000), media_type="application/pdf", name="ravens.pdf")

Body = Callable[[Request], bytes]
Rules = Callable[[Mapping[str, Any]], list[str]]

REQUEST_FORMATS: dict[str, tuple[Body, Rules]] = {
    "anthropic": (
        partial(anthropic_requests.body, dialect=anthropic_requests.Dialect("claude"), streaming=True),
        anthropic.violations,
    ),
    "chat": (partial(chat_requests.body, dialect=Dialect("openai", "gpt-5"), streaming=True), chat.violations),
    "responses": (
        partial(responses_requests.body, dialect=Dialect("openai", "gpt-5", api="responses"), streaming=True),
        responses.violations,
    ),
    "google": (
        partial(google_requests.body, dialect=google_rules.Dialect("gemini-3.8-flash")),
        partial(google.violations, model="gemini-3.8-flash"),
    ),
    "cohere": (
        partial(cohere_requests.body, dialect=cohere_rules.Dialect("command-a-plus-05-2026"), streaming=True),
        cohere.violations,
    ),
    "bedrock": (
        partial(bedrock_requests.body, dialect=BedrockDialect(CLAUDE_ON_BEDROCK)),
        bedrock.violations,
    ),
}


def count_tokens(message: Message) -> int:
    """A deterministic token count for tests: one token per character of text, and constants for everything else."""
    return 4 + sum(map(_block_tokens, message.content))


def _block_tokens(block: Block | Text | Image | Document) -> int:
    match block:
        case Text(text=text) | Thinking(text=text):
            return len(text)
        case Image():
            return 1_000
        case Document():
            return 2_000
        case ToolUse(input=tool_input):
            return 10 + len(str(tool_input))
        case ToolResult(content=content):
            return 10 + sum(map(_block_tokens, content))
        case Opaque(json=json):
            return len(json)


# Histories

_texts = st.sampled_from(["hi", "a raven flies", "where? " * 30, "It hides food. " * 200]).map(Text)
_media: st.SearchStrategy[UserBlock] = st.sampled_from([IMAGE, FAR_IMAGE, PDF])
_user_content: st.SearchStrategy[list[UserBlock]] = st.lists(
    st.one_of(_texts, _texts, _texts, _media), min_size=1, max_size=2
)
_result_content = st.lists(st.one_of(_texts, _texts, st.just(IMAGE)), max_size=2)
_compact_summaries = st.sampled_from([None, None, "", "three ravens", "a long story " * 40])
_thinking = st.builds(
    Thinking,
    text=st.sampled_from(["", "hm", "What do ravens do? " * 50]),
    provider=st.sampled_from(["anthropic", "google", "openai", "bedrock"]),
    signature=st.sampled_from([None, "c2ln"]),
)


@st.composite
def histories(draw: st.DrawFn) -> tuple[tuple[Message, ...], int | None]:
    """A valid history and its running turn, if any. It may begin with a summary, and contain another one."""
    messages: list[Message] = []
    turn = 0
    if draw(st.booleans()):
        turn = 3
        messages.append(_summary(turn))
    ids = (f"call_{number}" for number in range(1_000))
    for _ in range(draw(st.integers(1, 6))):
        turn += 1
        messages.append(Message(role=Role.USER, content=tuple(draw(_user_content)), turn=turn))
        if not messages[-2:-1] and draw(st.booleans()):
            turn += 1  # the turn failed and was retried
        if draw(st.integers(0, 4)) == 0:
            messages.append(_summary(turn))
        for _ in range(draw(st.integers(0, 4))):
            messages += draw(_steps(turn, ids))
        messages += draw(st.lists(_answers(turn), max_size=1))
    running = messages[-1].role is Role.USER or draw(st.booleans())
    return tuple(messages), turn if running else None


def _summary(turn: int) -> Message:
    stands_for = StandsFor(first_turn=1, last_turn=turn, messages=7)
    content = (Text("[What was said before]"), Text("The nest is at 51.5, 0.1. " * 5))
    return Message(role=Role.USER, content=content, turn=turn, stands_for=stands_for)


def _answers(turn: int) -> st.SearchStrategy[Message]:
    content = st.tuples(st.lists(_thinking, max_size=1), st.lists(_texts, min_size=1, max_size=2))
    return content.map(lambda parts: Message(role=Role.ASSISTANT, content=(*parts[0], *parts[1]), turn=turn))


@st.composite
def _steps(draw: st.DrawFn, turn: int, ids: Iterator[str]) -> list[Message]:
    """A step: an answer with tool uses, and their results."""
    uses = [ToolUse(next(ids), "look", {"at": "roof"}) for _ in range(draw(st.integers(1, 3)))]
    thinking_and_text: list[Block] = [*draw(st.lists(_thinking, max_size=1)), *draw(st.lists(_texts, max_size=1))]
    results = tuple(
        ToolResult(
            tool_use_id=use.id,
            content=tuple(draw(_result_content)),
            is_error=draw(st.booleans()),
            compact_summary=draw(_compact_summaries),
        )
        for use in uses
    )
    return [
        Message(role=Role.ASSISTANT, content=(*thinking_and_text, *uses), turn=turn),
        Message(role=Role.USER, content=results, turn=turn),
    ]


# Models that write summaries


def answer(text: str, stop_reason: StopReason = StopReason.END_TURN) -> Answer:
    """An answer of plain text."""
    return Answer(
        message_id="m",
        model="scripted",
        content=(Text(text),) if text else (),
        stop_reason=stop_reason,
        raw_stop_reason=None,
        usage=USAGE,
    )


async def compact_natively(messages: Sequence[Message], instructions: str | None) -> Answer:
    """A provider that compacts *messages* to a block that no other can read."""
    block = Opaque(provider="scripted", type="compaction", json=b'{"summary":"The nest is at 51.5, 0.1."}')
    return msgspec.structs.replace(answer(instructions or ""), content=(block,))


async def send_summary(request: SideRequest) -> Answer:
    """A model that answers every request with the same short summary."""
    del request
    return answer("There were ravens.")


def broken_rules(messages: tuple[Message, ...]) -> list[str]:
    """The rules of each provider that a request with *messages* breaks."""
    if messages[-1].role is Role.ASSISTANT:
        messages = (*messages, Message(role=Role.USER, content=(Text("And now?"),), turn=messages[-1].turn + 1))
    broken: list[str] = []
    for name, (body, violations) in REQUEST_FORMATS.items():
        request = msgspec.json.decode(body(Request(1, messages, SETTINGS)), type=dict[str, Any])
        broken += [f"{name}: {violation}" for violation in violations(request)]
    return broken
