"""Building a request on a long history, against the mere encoding of its JSON."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

import msgspec

import rayconteur as rc
from rayconteur.providers import Block, Role
from rayconteur.providers.anthropic import requests as anthropic_requests
from rayconteur.providers.bedrock import requests as bedrock_requests
from rayconteur.providers.cohere import requests as cohere_requests
from rayconteur.providers.google import requests as google_requests
from rayconteur.providers.google import rules as google_rules
from rayconteur.providers.openai.chat import requests as chat_requests
from rayconteur.providers.openai.dialect import Dialect
from rayconteur.providers.openai.responses import requests as responses_requests
from rayconteur.providers.schema.request import Request, Settings, WireMemo

from ..load.answers import ANTHROPIC, BEDROCK, COHERE, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES
from ..program import Options, run
from ..report.rows import Row, Sample, Target
from ..rounds import Side, rounds

_TARGET = Target("under", 2)
_SETTINGS = Settings(system="You are a raven.", max_output_tokens=1_000)
_TEXT = "They hide food, remember where, and hide it again if another raven was watching. " * 5
_CALLS = 5
"""In each round: one is over in a millisecond or two."""

Body = Callable[[Request], bytes]

BODIES: dict[str, Body] = {
    ANTHROPIC.name: partial(
        anthropic_requests.body, dialect=anthropic_requests.Dialect(ANTHROPIC.model), streaming=True
    ),
    OPENAI_CHAT.name: partial(chat_requests.body, dialect=Dialect("openai", OPENAI_CHAT.model), streaming=True),
    BEDROCK.name: partial(bedrock_requests.body, dialect=bedrock_requests.Dialect(BEDROCK.model)),
    OPENAI_RESPONSES.name: partial(
        responses_requests.body, dialect=Dialect("openai", OPENAI_RESPONSES.model, api="responses"), streaming=True
    ),
    GEMINI.name: partial(google_requests.body, dialect=google_rules.Dialect(GEMINI.model)),
    COHERE.name: partial(cohere_requests.body, dialect=cohere_requests.Dialect(COHERE.model), streaming=True),
}


async def measure(options: Options) -> AsyncIterator[Row]:
    """For each API the first request on the history, and the one a turn later."""
    scale = options.scale
    messages = scale.of(1_000, 1_000, 20)
    turns = [turn(number) for number in range(1, messages // 2 + 2)]
    later = [message for turn in turns for message in turn]
    history = later[:-2]
    for name, body in BODIES.items():
        first = asking(history, WireMemo())
        sides = {
            "first": building(body, (), history),
            "later": building(body, history, later),
            "encoding": encoding(body(first)),
        }
        found = await rounds(scale.of(30, 7, 2), sides)
        size_kb = len(body(first)) / 1_000
        on = f"on {messages:,} messages ({size_kb:,.0f} KB), {name}"
        yield _row(f"request {on}", found["later"], found["encoding"], _TARGET)
        yield _row(f"the first one of a process {on}", found["first"], found["encoding"], None)


def turn(number: int) -> tuple[rc.Message, rc.Message]:
    """A question and an answer of 400 characters each; every tenth answer uses a tool."""
    asked: tuple[Block, ...] = (rc.Text(_TEXT),)
    answered: tuple[Block, ...] = (rc.Text(_TEXT),)
    if number % 10 == 0:
        answered = (*answered, rc.ToolUse(f"call-{number}", "look", {"where": "roof", "how often": number}))
    if number % 10 == 1 and number > 1:
        asked = (rc.ToolResult(f"call-{number - 1}", (rc.Text("three ravens, one watching"),)), *asked)
    return (
        rc.Message(role=Role.USER, content=asked, turn=number),
        rc.Message(role=Role.ASSISTANT, content=answered, turn=number),
    )


def asking(messages: Sequence[rc.Message], memo: WireMemo) -> Request:
    return Request(number=1, messages=messages, settings=_SETTINGS, memo=memo)


def building(body: Body, before: Sequence[rc.Message], messages: Sequence[rc.Message]) -> Side:
    async def milliseconds() -> float:
        spent_s = 0.0
        for _ in range(_CALLS):
            memo = WireMemo()
            body(asking(before, memo))
            request = asking(messages, memo)
            begun_at = time.process_time()
            body(request)
            spent_s += time.process_time() - begun_at
        return spent_s / _CALLS * 1e3

    return milliseconds


def encoding(body: bytes) -> Side:
    """The same JSON from dicts and lists that stand ready."""
    plain = msgspec.json.decode(body)

    async def milliseconds() -> float:
        begun_at = time.process_time()
        for _ in range(_CALLS):
            msgspec.json.encode(plain)
        return (time.process_time() - begun_at) / _CALLS * 1e3

    return milliseconds


def _row(what: str, ours: Sample, encoding: Sample, target: Target | None) -> Row:
    return Row(
        what=what,
        unit="ms",
        ours=ours,
        peer="msgspec encoding the same JSON",
        theirs=encoding,
        figure=ours.over(encoding),
        figure_unit="times",
        target=target,
        better="less",
    )


if __name__ == "__main__":
    run(measure)
