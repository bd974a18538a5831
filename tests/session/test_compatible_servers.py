"""Sessions on servers with OpenAI's API that hold the history to rules of their own: each turn ends with an answer."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
from fixtures.session import SessionFixture, running_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers.loopback import Exchange, Loopback
from validators.openai.compatible import Rule, deepseek, gemini, groq, kimi, mistral, strict

import rayconteur as rc
from rayconteur.compaction import DropThinking, Window
from rayconteur.runtime import OnInterrupt, State
from rayconteur.scripted import Call, Say, Script

Json = dict[str, Any]
Step = str | rc.ToLLM
"""A question, or a message to the session."""

BLANK = "\u200b"
FLY = rc.Tool(name="fly")
CROW = rc.Scripted(script=Script(answers=((Call("fly", {}),), (Say("Kraa."),))))
THINKING_IN: dict[Rule, str] = {
    deepseek: "reasoning_content",
    kimi: "reasoning_content",
    groq: "reasoning",
    strict: "reasoning_content",
}


@dataclass
class Server:
    """A server with *rule*, and how the turns on it that failed have failed."""

    rule: Rule
    requests: list[Json] = field(default_factory=list[Json])
    rejected: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])

    async def __call__(self, exchange: Exchange) -> None:
        body = msgspec.json.decode(exchange.request.body)
        self.requests.append(body)
        if problem := self.rule(body["messages"]):
            self.rejected.append(problem)
            error = {"error": {"message": problem, "type": "invalid_request_error"}}
            await exchange.send_answer(msgspec.json.encode(error), 400, content_type="application/json")
            return
        message, reason = self._message(body["messages"]), "stop"
        if "tool_calls" in message:
            reason = "tool_calls"
        chunk = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": message, "finish_reason": reason}]}
        await exchange.send_answer(b"data: %b\n\ndata: [DONE]\n\n" % msgspec.json.encode(chunk))

    def _message(self, messages: list[Json]) -> Json:
        message: Json = {"role": "assistant", "content": None}
        if name := THINKING_IN.get(self.rule):
            message[name] = f"thought {len(self.requests)}"
        if messages[-1]["role"] == "tool":
            asked = next(each["content"] for each in reversed(messages) if each["role"] == "user")
            return message | {"content": BLANK if asked.endswith("into silence") else "Flown."}
        match messages[-1]["content"].rpartition("\n")[2]:
            case "fly" | "fly into silence":
                call: Json = {
                    "index": 0,
                    "id": f"t{len(self.requests)}",
                    "function": {"name": "fly", "arguments": "{}"},
                }
                if self.rule is gemini:
                    call["extra_content"] = {"google": {"thought_signature": f"signed {call['id']}"}}
                return message | {"tool_calls": [call]}
            case "silence":
                return message | {"content": BLANK}
            case "think":
                return message
            case _:
                return message | {"content": "Caw."}


def conversation(rule: Rule, steps: Sequence[Step]) -> Server:
    """The server with *rule* after a session with *steps*."""
    server = Server(rule)

    async def main() -> None:
        async with Loopback(server) as loopback:
            provider = rc.OpenAI(model="raven-1", api_key="k", base_url=f"{loopback.url}/v1").resolved({})
            retry = rc.RetryPolicy(max_attempts=1)
            config = rc.SessionConfig(provider=provider, tools=(FLY,), retry=retry, system="Be brief.")
            async with running_session(config) as session:
                for step in steps:
                    await _take(session, step, config)

                server.failures += [event.message for event in session.events if isinstance(event, rc.Failed)]

    asyncio.run(main())
    assert server.failures == []
    return server


async def _take(session: SessionFixture, step: Step, config: rc.SessionConfig) -> None:
    match step:
        case "back":
            session.tell(rc.Configure(provider=config.provider))
        case "fly and return":  # interrupted while the tool runs
            turn = session.ask("fly")
            await _wait_for(session, rc.ToolBatch, turn)
            session.tell(rc.Interrupt(turn=turn))
            await _wait_for(session, rc.Interrupted, turn)
        case str():
            turn = session.ask(step)
            if isinstance(batch := await _wait_for(session, rc.ToolBatch, turn), rc.ToolBatch):
                results = tuple(rc.ToolResult(tool_use_id=use.id) for use in batch.uses)
                session.tell(rc.ToolResults(results=results))
                await _wait_for(session, rc.Completed, turn)
        case rc.Compact():
            session.tell(step)
            await session.wait_for_state(State.IDLE)
        case _:
            session.tell(step)


async def _wait_for(session: SessionFixture, kind: type[rc.FromLLM], turn: int) -> rc.FromLLM:
    """The first event of *kind* in *turn*, or the end of the turn if it comes before."""
    waits = [asyncio.ensure_future(session.wait_for_event(each, turn)) for each in (kind, rc.Completed, rc.Failed)]
    done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, return_exceptions=True)
    return next(iter(done)).result()


def sent(server: Server, member: str) -> list[str | None]:
    """The *member* of each answer in the last request."""
    return [each.get(member) for each in server.requests[-1]["messages"] if each["role"] == "assistant"]


def test_deepseek_gets_all_thinking_of_turns_with_tools_and_none_of_others() -> None:
    server = conversation(deepseek, ["one", "fly", "two", "three"])

    assert server.rejected == []
    assert sent(server, "reasoning_content") == [None, "thought 2", "thought 3", None]


def test_groq_gets_thinking_under_its_name() -> None:
    server = conversation(groq, ["fly", "two"])

    assert server.rejected == []
    assert sent(server, "reasoning") == ["thought 1", "thought 2"]


def test_a_server_that_does_not_take_its_thinking_back_is_asked_again_without_it() -> None:
    server = conversation(strict, ["fly", "two"])

    assert len(server.rejected) == 1
    assert sent(server, "reasoning_content") == [None, None]


def test_gemini_gets_each_signature_with_its_call() -> None:
    assert conversation(gemini, ["fly", "fly", "two"]).rejected == []


@pytest.mark.parametrize("rule", [deepseek, kimi, gemini])
def test_a_history_of_another_provider_gets_what_the_server_says_is_missing(rule: Rule) -> None:
    server = conversation(rule, [rc.Configure(provider=CROW), "fly", "back", "two", "fly", "three"])

    assert len(server.rejected) == 1


def test_mistral_s_roles_alternate_after_empty_blank_and_thinking_only_answers() -> None:
    server = conversation(mistral, ["silence", "one", "think", "silence", "two", "fly", "three"])

    assert server.rejected == []


def test_mistral_gets_an_answer_between_tool_results_and_the_next_message_once_it_said_so() -> None:
    server = conversation(mistral, ["fly into silence", "one", "fly into silence", "two"])

    assert len(server.rejected) == 1
    assert sent(server, "content").count("(no answer)") == 2


STEPS: list[Step] = [
    "one",
    "fly",
    "fly into silence",
    "fly and return",
    "silence",
    "think",
    rc.Configure(on_interrupt=OnInterrupt.KEEP),
    rc.Configure(model="raven-2"),
    rc.Configure(provider=CROW),
    "back",
    rc.Configure(compaction=DropThinking(keep_recent_turns=1)),
    rc.Configure(compaction=Window(keep_recent_turns=1)),
    rc.Compact(),
]


@pytest.mark.parametrize("rule", [mistral, deepseek, kimi, gemini, groq, strict])
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=8))
def test_every_turn_ends_with_an_answer_whatever_happened_before(rule: Rule, steps: list[Step]) -> None:
    conversation(rule, [*steps, "back", "last"])
