"""Sessions on Claude whose history, settings, model and provider change: every request is one that the API accepts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from fixtures.clients import KEY
from fixtures.session import SessionFixture, running_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.loopback import Exchange, Loopback
from validators.anthropic import violations
from validators.anthropic_prefix import PrefixCheck

import rayconteur as rc
from rayconteur.compaction import DropThinking, NativeCompaction, Window
from rayconteur.providers import ModelFacts
from rayconteur.runtime import State
from rayconteur.scripted import Say, Script

Json = dict[str, Any]
FLY, SIT = rc.Tool(name="fly"), rc.Tool(name="sit")
APPENDS = ModelFacts(appends_prompts=True, compacts=True)
REPLACES = ModelFacts(appends_prompts=False, compacts=False)
ANOTHER = rc.Scripted(script=Script(answers=((Say(text="Nevermore."),),)))

Step = str | rc.ToLLM
"""A question, or a message to the session. The question ``fly`` is answered with a tool use first."""


@dataclass
class Claude:
    """A server that answers with signed thinking, and rejects what the documentation says that Claude rejects."""

    requests: list[Json] = field(default_factory=list[Json])
    problems: list[str] = field(default_factory=list[str])
    check: PrefixCheck = field(default_factory=PrefixCheck)

    async def __call__(self, exchange: Exchange) -> None:
        body = msgspec.json.decode(exchange.request.body)
        self.requests.append(body)
        self.problems += [*violations(body, exchange.request.headers), *self.check.violations(body)]
        content, stop = self._answer(body, f"s{len(self.requests)}")
        usage = {"input_tokens": 100, "output_tokens": 10}
        answer = {"id": "m", "model": body["model"], "content": content, "stop_reason": stop, "usage": usage}
        if body["stream"]:
            await exchange.send_answer(b"".join(map(_event, _stream(answer))))
        else:
            await exchange.send_answer(msgspec.json.encode(answer), content_type="application/json")

    def _answer(self, body: Json, signature: str) -> tuple[list[Json], str]:
        if "compaction" in body:
            self.check.compacted(body, signature)
            return [{"type": "compaction", "content": "They met.", "signature": signature}], "compaction"
        self.check.answered(body, signature)
        thinking = {"type": "thinking", "thinking": "Something shiny. " * 10, "signature": signature}
        last = next(message for message in reversed(body["messages"]) if message["role"] == "user")["content"][-1]
        if last.get("text") == "fly":
            return [thinking, {"type": "tool_use", "id": f"t{signature}", "name": "fly", "input": {}}], "tool_use"
        return [thinking, {"type": "text", "text": "Caw."}], "end_turn"


def _stream(answer: Json) -> list[Json]:
    blocks = [
        event
        for index, block in enumerate(answer["content"])
        for event in (
            {"type": "content_block_start", "index": index, "content_block": block},
            {"type": "content_block_stop", "index": index},
        )
    ]
    end = {"type": "message_delta", "delta": {"stop_reason": answer["stop_reason"]}, "usage": answer["usage"]}
    return [{"type": "message_start", "message": {**answer, "content": []}}, *blocks, end, {"type": "message_stop"}]


def _event(event: Json) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))


def conversation(steps: Sequence[Step], facts: ModelFacts = APPENDS, *, streaming: bool = True) -> Claude:
    """The server after a session with *steps*."""
    claude = Claude()

    async def main() -> None:
        async with Loopback(claude) as server:
            provider = rc.Anthropic(model="claude-opus-5-5", api_key=KEY, base_url=server.url, facts=facts)
            config = rc.SessionConfig(
                provider=provider.resolved({}),
                system="Be brief.",
                tools=(FLY,),
                streaming=streaming,
                compaction=NativeCompaction(keep_recent_turns=1),
            )
            async with running_session(config) as session:
                for step in steps:
                    await _take(session, step, config)

    asyncio.run(main())
    return claude


async def _take(session: SessionFixture, step: Step, config: rc.SessionConfig) -> None:
    match step:
        case "back":
            session.tell(rc.Configure(provider=config.provider))
        case str():
            turn = session.ask(step)
            if step == "fly":
                batch = await session.wait_for_event(rc.ToolBatch, turn)
                assert isinstance(batch, rc.ToolBatch)
                results = tuple(rc.ToolResult(tool_use_id=use.id) for use in batch.uses)
                session.tell(rc.ToolResults(results=results))
            await session.wait_for_event(rc.Completed, turn)
        case rc.UserMessage():
            await session.wait_for_event(rc.Completed, session.tell(step).turn or 0)
        case rc.Compact():
            session.tell(step)
            await session.wait_for_state(State.IDLE)
        case _:
            session.tell(step)


def thinking_in(body: Json) -> list[str]:
    blocks: list[Json] = [block for message in body["messages"] for block in message["content"]]
    return [block["signature"] for block in blocks if block["type"] == "thinking"]


def last_thinking(*steps: Step, facts: ModelFacts = APPENDS) -> list[str]:
    claude = conversation(steps, facts)
    assert claude.problems == []
    return thinking_in(claude.requests[-1])


RAVEN = rc.Configure(system="Be a raven.")
MORE_TOOLS = rc.Configure(tools=(FLY, SIT))
TIMED = rc.UserMessage(content=(rc.Text("When?"),), temporary_content=(rc.Text("It is 10:00."),))
ASIDE = rc.UserMessage(content=(rc.Text("By the way?"),), temporary=True)


def test_thinking_survives_new_prompts_where_they_are_appended() -> None:
    assert last_thinking("fly", RAVEN, "one", MORE_TOOLS, "two") == ["s1", "s2", "s3"]


def test_thinking_from_before_a_new_prompt_is_left_out_where_it_replaces_the_old_one() -> None:
    assert last_thinking("fly", RAVEN, "one", "two", facts=REPLACES) == ["s3"]


def test_thinking_is_left_out_for_another_model_and_goes_back_to_its_own() -> None:
    sonnet, opus = rc.Configure(model="claude-sonnet-5-5"), rc.Configure(model="claude-opus-5-5")

    assert last_thinking("one", sonnet, "two", "three", facts=REPLACES) == ["s2"]
    assert last_thinking("one", sonnet, "two", opus, "three", facts=REPLACES) == ["s1"]


def test_thinking_goes_back_after_turns_with_another_provider() -> None:
    assert last_thinking("one", rc.Configure(provider=ANOTHER), "two", "back", "three") == ["s1"]


def test_thinking_in_the_turns_that_a_compaction_of_the_api_keeps_stays_valid() -> None:
    steps = ("one", "two", "three", rc.Compact(), "four")

    assert last_thinking(*steps) == ["s3"]
    assert last_thinking("one", RAVEN, *steps) == ["s4"]


def test_thinking_whose_beginning_a_window_removed_is_left_out() -> None:
    window = rc.Configure(compaction=Window(keep_recent_turns=1))

    assert last_thinking("one", "two", "three", window, rc.Compact(), "four") == []


def test_thinking_after_temporary_content_is_left_out_with_it_and_other_thinking_stays() -> None:
    assert last_thinking("one", TIMED, "two") == ["s1"]
    assert last_thinking("one", ASIDE, "two") == ["s1"]


def test_dropped_thinking_leaves_the_rest_valid() -> None:
    drop = rc.Configure(compaction=DropThinking(keep_recent_turns=1))

    assert last_thinking("one", "two", "three", drop, rc.Compact(), "four") == ["s3"]


@pytest.mark.parametrize("streaming", [True, False])
def test_answers_that_are_not_streamed_are_sent_back_alike(streaming: bool) -> None:
    claude = conversation(("fly", RAVEN, "one", "two"), streaming=streaming)

    assert claude.problems == []
    assert thinking_in(claude.requests[-1]) == ["s1", "s2", "s3"]


CHANGES: list[Step] = [
    "one",
    "fly",
    RAVEN,
    rc.Configure(system="Be brief."),
    rc.Configure(system=None),
    MORE_TOOLS,
    rc.Configure(tools=(FLY,)),
    rc.Configure(tools=(SIT, FLY)),
    rc.Configure(model="claude-sonnet-5-5"),
    rc.Configure(model="claude-opus-5-5"),
    rc.Configure(thinking=rc.Reasoning(effort="low")),
    rc.Configure(compaction=Window(keep_recent_turns=1)),
    rc.Configure(compaction=DropThinking(keep_recent_turns=1)),
    rc.Compact(),
    TIMED,
    ASIDE,
]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=st.lists(st.sampled_from(CHANGES), min_size=2, max_size=9), facts=st.sampled_from([APPENDS, REPLACES]))
def test_along_random_changes_claude_accepts_every_request(steps: list[Step], facts: ModelFacts) -> None:
    assert conversation([*steps, "two"], facts).problems == []
