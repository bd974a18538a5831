"""Sessions whose settings, history and provider change at random: every request keeps the rules of the current models.

The sessions and the bodies of their requests are real. Each endpoint answers with thinking that only it can read, and
rejects what its model is documented to reject.
"""

import asyncio
import base64
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import msgspec
import pytest
from checkers.endpoints import Endpoint, anthropic, current_endpoints
from checkers.examples import examples
from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run
from validators import history
from validators.anthropic_prefix import PrefixCheck

import rayconteur as rc
from rayconteur.compaction import Layered, NativeCompaction, Summarize, Window
from rayconteur.errors import ConfigError, Overloaded, ThinkingRejected, UnsupportedContent
from rayconteur.providers import Delta, ProviderConfig, Request, Settings, open_client
from rayconteur.providers.schema.client import Client, Sink
from rayconteur.providers.schema.content import Block, Document, Image, Opaque, Text, ToolResult
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    TextDelta,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.runtime import OnInterrupt, OnRefusal, State

TOOLS = tuple(rc.Tool(name=name, description=name, input_schema={"type": "object"}) for name in ("look", "fly", "sit"))
SYSTEMS = (None, "Be brief.", "Be a raven.")
LONG = "A raven hides its food, and hides it again if another one was watching. " * 30
PICTURE = Image(data=b"\x89PNG\r\n\x1a\n" + bytes(50), media_type="image/png")
PAGE = Document(data=b"%PDF-1.4 ravens", media_type="application/pdf", name="ravens")
LAYERS = Layered(strategies=(NativeCompaction(keep_recent_turns=2), *Layered().strategies[1:]))
COMPACTIONS = (LAYERS, LAYERS, Layered(strategies=Layered().strategies[1:]), Window(keep_recent_turns=2), Summarize())


@cache
def endpoints() -> dict[str, Endpoint]:
    return dict(current_endpoints())


@dataclass
class World:
    """All endpoints: what they have made, what they reject, and the *problems* of the requests that they got."""

    rng: random.Random
    made: dict[str, str] = field(default_factory=dict[str, str])
    rejected: set[str] = field(default_factory=set[str])
    sent_back: dict[str, int] = field(default_factory=dict[str, int])
    problems: list[str] = field(default_factory=list[str])
    prefixes: PrefixCheck = field(default_factory=PrefixCheck)
    compactions: int = 0
    uses: int = 0
    hangs: bool = False

    def open(self, config: ProviderConfig) -> Client:
        known = (each for each in endpoints().values() if each.config.source == config.source)
        endpoint = next(known, None)
        if endpoint is None:  # the last key that was given applies to the other models of the API, too
            assert isinstance(config, rc.Anthropic)
            endpoint = anthropic(config.model, config.api_key or "")
        return CompactingModel(self, endpoint) if endpoint.compaction else Model(self, endpoint)

    def sign(self, endpoint: Endpoint) -> str:
        signature = base64.b64encode(f"signature {len(self.made):06}".encode()).decode()
        self.made[signature] = endpoint.config.source
        return signature

    def check(self, endpoint: Endpoint, encoded: bytes, body: dict[str, Any]) -> list[str]:
        """The signatures in *encoded*, a request to *endpoint* that is checked."""
        problems = endpoint.violations(body)
        found = [signature for signature in self.made if signature.encode() in encoded]
        foreign = [signature for signature in found if self.made[signature] != endpoint.config.source]
        problems += [f"{signature} was made by another" for signature in foreign]
        problems += [f"{signature} was rejected before" for signature in found if signature in self.rejected]
        if endpoint.bound:
            problems += self.prefixes.violations(endpoint.bound(body))
        self.problems += [f"{endpoint.config.model}: {problem}" for problem in problems]
        return found


class Model:
    """A client of *endpoint*: it makes the real body of each request, and answers at random."""

    def __init__(self, world: World, endpoint: Endpoint) -> None:
        self._world = world
        self._endpoint = endpoint
        self._real = open_client(endpoint.config)

    @property
    def provider(self) -> str:
        return self._real.provider

    def check_settings(self, settings: Settings) -> None:
        self._real.check_settings(settings)

    def check_content(self, content: Sequence[Block]) -> None:
        self._real.check_content(content)

    async def stream(self, request: Request, sink: Sink) -> None:
        world, endpoint = self._world, self._endpoint
        if request.number == 0:  # a summary
            sink([AnswerStarted("m", endpoint.config.model), TextDelta(0, "They spoke about ravens."), BlockEnded(0)])
            usage = Usage(input=reported(100), output=reported(10))
            sink([UsageReported(usage), AnswerEnded(StopReason.END_TURN, "end")])
            return
        encoded = endpoint.body(request)
        body = msgspec.json.decode(encoded, type=dict[str, Any])
        found = world.check(endpoint, encoded, body)
        world.sent_back[endpoint.config.model] = world.sent_back.get(endpoint.config.model, 0) + len(found)
        kind = world.rng.random()
        if found and kind < 0.05:
            world.rejected.update(world.made)
            raise ThinkingRejected("can't be read", self.provider)
        if kind > 0.95:
            raise Overloaded("too much to do", self.provider)
        sink([AnswerStarted("m", endpoint.config.model)])
        for deltas in self._answer(request, encoded, body):
            sink(deltas)
            if world.hangs and world.rng.random() < 0.4:
                await asyncio.Event().wait()

    async def complete(self, request: Request) -> Sequence[Delta]:
        deltas: list[Delta] = []
        await self.stream(request, deltas.extend)
        return deltas

    async def aclose(self) -> None:
        await self._real.aclose()

    def _answer(self, request: Request, encoded: bytes, body: dict[str, Any]) -> list[list[Delta]]:
        world, endpoint, rng = self._world, self._endpoint, self._world.rng
        uses = rng.choice([0, 0, 1, 2]) if request.settings.tools else 0
        blocks: list[list[Delta]] = []
        if not uses or rng.random() < 0.7:
            blocks.append([TextDelta(0, rng.choice(["Caw.", LONG])), BlockEnded(0)])
        for _ in range(uses):
            world.uses += 1
            use_id = f"call_{world.uses}" if rng.random() < 0.9 else "call_0"  # some servers restart their ids
            name = rng.choice(request.settings.tools).name
            blocks.append([ToolUseStarted(0, use_id, name), ToolInputDelta(0, "{}"), BlockEnded(0)])
        if rng.random() < 0.8:
            signature = world.sign(endpoint)
            if endpoint.bound:
                world.prefixes.answered(endpoint.bound(body), signature)
            sealed = list(endpoint.sealed(0, signature, redacted=rng.random() < 0.2))
            blocks.insert(1 if self.provider == "google" else 0, sealed)
        usage = Usage(input=reported(len(encoded) // 4), output=reported(30))
        stop = StopReason.TOOL_USE if uses else rng.choice([StopReason.END_TURN] * 9 + [StopReason.REFUSAL])
        numbered = [[_moved(delta, index) for delta in deltas] for index, deltas in enumerate(blocks)]
        return [*numbered, [UsageReported(usage), AnswerEnded(stop, "stopped")]]


def _moved(delta: Delta, index: int) -> Delta:
    """*delta* in the block *index*."""
    assert not isinstance(delta, AnswerStarted | AnswerEnded | UsageReported)
    return msgspec.structs.replace(delta, index=index)


class CompactingModel(Model):
    """The same, where the API compacts histories."""

    async def compact(self, request: Request, instructions: str | None) -> Answer:
        world, endpoint = self._world, self._endpoint
        assert endpoint.compaction
        encoded = endpoint.compaction(request, instructions)
        body = msgspec.json.decode(encoded, type=dict[str, Any])
        messages = "messages" if "messages" in body else "input"
        asked = {"role": "user", "content": "Compact this."}  # it need not end with a user's message
        as_answer = {name: value for name, value in body.items() if name != "compaction"}
        world.check(endpoint, encoded, {**as_answer, messages: [*body[messages], asked]})
        if world.rng.random() < 0.1:
            raise Overloaded("too much to do", self.provider)
        world.compactions += 1
        signature = world.sign(endpoint)
        if endpoint.bound:
            world.prefixes.compacted(body, signature)
        return Answer(
            message_id="c",
            model=endpoint.config.model,
            content=(
                Opaque(
                    provider=self.provider, type="compaction", json=msgspec.json.encode(endpoint.compacted(signature))
                ),
            ),
            stop_reason=StopReason.OTHER,
            raw_stop_reason="compaction",
            usage=Usage(input=reported(len(encoded) // 4), output=reported(30)),
        )


@dataclass
class Scenario:
    """Does something with a session, again and again."""

    session: SessionFixture
    world: World
    turn: int = 0

    async def step(self) -> None:
        rng = self.world.rng
        if self.session.state is State.TOOLS_OUT:
            actions = [self.answer_tools] * 6 + [self.configure, self.switch, self.interrupt]
        else:
            actions = [self.ask] * 8 + [self.configure, self.switch, self.compact, self.retry]
        with suppress(ConfigError, UnsupportedContent, rc.errors.SessionError):  # rejected: nothing has changed
            rng.choice(actions)()
        await self.settle()

    async def settle(self) -> None:
        """Wait until the session needs something; what hangs is interrupted."""
        for _ in range(300):
            if self.session.state in (State.IDLE, State.TOOLS_OUT):
                return
            await asyncio.sleep(1)
        self.interrupt()

    def ask(self) -> None:
        rng = self.world.rng
        self.world.hangs = rng.random() < 0.2
        media: list[Image | Document] = rng.sample([PICTURE, PAGE], rng.choice([0, 0, 1, 2]))
        self.session.tell(rc.UserMessage(content=(Text(rng.choice(["What?", LONG])), *media)))

    def answer_tools(self) -> None:
        results: list[ToolResult] = []
        for use_id in self.session.status().open_tool_use_ids:
            content = self.world.rng.choice([(Text("a raven"),), (Text(LONG),), (Text("see"), PICTURE), ()])
            results.append(ToolResult(use_id, content, is_error=self.world.rng.random() < 0.2))
        self.session.tell(rc.ToolResults(results=tuple(results)))

    def configure(self) -> None:
        rng = self.world.rng
        change: dict[str, Any] = rng.choice(
            [
                {"system": rng.choice(SYSTEMS)},
                {"tools": tuple(rng.sample(TOOLS, rng.choice([0, 1, 2, 3])))},
                {"system": rng.choice(SYSTEMS), "tools": tuple(rng.sample(TOOLS, 2))},
                {"thinking": rng.choice([None, rc.Reasoning(effort="high"), rc.Reasoning(effort="low", show=False)])},
                {"on_interrupt": rng.choice(list(OnInterrupt)), "on_refusal": rng.choice(list(OnRefusal))},
                {"compaction": rng.choice(COMPACTIONS)},
            ]
        )
        self.session.tell(rc.Configure(next=rng.choice(["request", "request", "turn"]), **change))

    def switch(self) -> None:
        endpoint = self.world.rng.choice(list(endpoints().values()))
        self.session.tell(rc.Configure(provider=endpoint.config, next=self.world.rng.choice(["request", "turn"])))

    def interrupt(self) -> None:
        self.session.tell(rc.Interrupt())

    def compact(self) -> None:
        self.session.tell(rc.Compact())

    def retry(self) -> None:
        self.session.tell(rc.Retry())


def played(seed: int, steps: int = 60) -> World:
    """The world after a session of that many random steps."""
    world = World(random.Random(seed))
    first = list(endpoints().values())[seed % len(endpoints())]
    config = rc.SessionConfig(provider=first.config, system="Be brief.", tools=TOOLS[:2], compaction=LAYERS)

    async def main() -> None:
        async with running_session(config, world.open) as session:
            scenario = Scenario(session, world)
            for _ in range(steps):
                await scenario.step()
                tools_out = session.state is State.TOOLS_OUT
                world.problems += history.violations(session.history(), tools_out=tools_out)
                assert not world.problems, "\n".join(world.problems)

    run(main())
    assert world.compactions < steps, "compactions follow each other without an end"
    return world


@pytest.mark.parametrize("first_seed", range(0, examples(24, 48), 8))
def test_every_request_keeps_the_rules_of_its_model(first_seed: int) -> None:
    worlds = [played(seed) for seed in range(first_seed, first_seed + 8)]

    assert sum(sum(world.sent_back.values()) for world in worlds) > 20, "hardly any thinking was sent back"
    assert any(world.rejected for world in worlds)
    assert any(world.compactions for world in worlds)
