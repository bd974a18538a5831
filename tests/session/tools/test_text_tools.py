"""Sessions whose models use tools in the text of their answers, with each provider's real SDK over HTTP."""

import asyncio
import json
from typing import Any, ClassVar, Literal

import msgspec
import pytest
from builders.answers.parallel_calls import PLACES
from builders.answers.spoken import SPOKEN
from fixtures.clients import CONFIGS
from fixtures.session import SessionFixture, running_session
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur.errors import InvalidConfig
from rayconteur.providers import Client, ModelFacts, Provenance, ProviderConfig, Request, Sink
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.providers.text_tools.rendering import GO_ON
from rayconteur.runtime import StepCompleted, TextTools
from rayconteur.scripted import Call, Say, Script, Step, Stop, Wait

LOOK = rc.Tool(
    name="look",
    description="Look out of the window.",
    input_schema={"type": "object", "properties": {"where": {"type": "string"}}, "required": ["where"]},
)


def use(where: str) -> str:
    return f'<tool_use name="look">\n<parameter name="where">{where}</parameter>\n</tool_use>'


CALLS = f"I look.\n\n{use(PLACES[0])}\n{use(PLACES[1])}\n"


async def answer_batch(session: SessionFixture, step: int) -> None:
    """Wait for the tool uses of *step*, and answer them."""
    await session.wait_for(lambda event: isinstance(event, rc.ToolBatch) and event.step == step)
    batch = [event for event in session.events if isinstance(event, rc.ToolBatch)][-1]
    results = tuple(
        rc.ToolResult(tool_use_id=each.id, content=(rc.Text(f"{step}: the {each.input['where']} & <b>"),))
        for each in batch.uses
    )
    session.tell(rc.ToolResults(results=results, last=True))


async def looped(name: str, settings: rc.SessionConfig) -> tuple[SessionFixture, list[str]]:
    """A session whose provider asks for two tools, twice, and then answers; and the bodies of its requests."""
    bodies: list[str] = []

    async def respond(exchange: Exchange) -> None:
        bodies.append(exchange.request.body.decode())
        await exchange.send_answer(SPOKEN[name](CALLS if len(bodies) < 3 else "Nothing."))

    async with Loopback(respond) as server:
        config = msgspec.structs.replace(settings, provider=CONFIGS[name](server.url))
        async with running_session(config) as session:
            session.ask()
            for step in (1, 2):
                await answer_batch(session, step)
            end = await session.wait_for_end(1)
            assert isinstance(end, rc.Completed), end
            assert end.stop_reason is StopReason.END_TURN
            return session, bodies


TEXT = rc.SessionConfig(provider=rc.Scripted(), system="Be brief.", tools=(LOOK,), tool_protocol="text")


@pytest.mark.parametrize("name", SPOKEN)
def test_three_steps_with_parallel_tools_are_text_for_every_provider(name: str) -> None:
    session, bodies = asyncio.run(looped(name, TEXT))

    assert session.text() == "I look.I look.Nothing."
    steps = [event for event in session.events if isinstance(event, StepCompleted)]
    assert [[each.input for each in step.uses] for step in steps] == [[{"where": place} for place in PLACES]] * 2
    assert [step.stop_reason for step in steps] == [StopReason.TOOL_USE] * 2
    assert len({each.id for step in steps for each in step.uses}) == 4
    assert not any(isinstance(event, rc.Failed) for event in session.events)
    for body in bodies:
        assert body.count("Be brief.") == 1
        assert '\\"properties\\":{\\"where\\"' in body
        assert not any(word in json.loads(body) for word in ("tools", "toolConfig", "tool_choice"))
    sent = json.dumps(use(PLACES[0]))[1:-1]
    assert [body.count(sent) for body in bodies] == [0, 1, 2]
    assert [body.count('<tool_result name=\\"look\\">\\n1: the tree & <b>\\n</tool_result>') for body in bodies] == [
        0,
        1,
        1,
    ]


@pytest.mark.parametrize("results", ["assistant", "inline"])
def test_results_in_the_answer_are_followed_by_a_message_of_the_users(results: Literal["assistant", "inline"]) -> None:
    settings = msgspec.structs.replace(TEXT, text_tools=TextTools(results=results))

    _, bodies = asyncio.run(looped("anthropic", settings))

    messages = json.loads(bodies[2])["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant"] * 2 + ["user"]
    assert [message["content"][0]["text"] for message in messages[2::2]] == [GO_ON] * 2
    first, second = [f'<tool_result name="look">\n2: the {place} & <b>\n</tool_result>' for place in PLACES]
    parts = ["I look.", use(PLACES[0]), use(PLACES[1]), first, second]
    if results == "inline":
        parts[2], parts[3] = parts[3], parts[2]
    assert messages[3]["content"][0]["text"] == "\n\n".join(parts)


def scripted(*answers: tuple[Step, ...], **settings: object) -> rc.SessionConfig:
    provider = rc.Scripted(script=Script(answers=answers))
    return msgspec.structs.replace(TEXT, provider=provider, **settings)


def turn_of(config: rc.SessionConfig, *answered: int) -> SessionFixture:
    """A session with one turn, whose tool uses of the steps *answered* have been answered."""

    async def main() -> SessionFixture:
        async with running_session(config) as session:
            session.ask()
            for step in answered:
                await answer_batch(session, step)
            await session.wait_for_end(1)
            return session

    return asyncio.run(main())


@pytest.mark.parametrize("streaming", [True, False])
def test_what_follows_the_last_tool_use_is_not_read(streaming: bool) -> None:
    goes_on = Say(f"{CALLS}Then I fly.")
    config = scripted((goes_on, Wait()), (Say("Done."),), streaming=True, text_tools=TextTools(max_calls=2))
    if not streaming:
        config = scripted((goes_on,), (Say("Done."),), streaming=False, text_tools=TextTools(max_calls=2))

    session = turn_of(config, 1)

    [step] = [event for event in session.events if isinstance(event, StepCompleted)]
    assert (len(step.uses), step.stop_reason, step.text) == (2, StopReason.TOOL_LIMIT, "I look.")
    assert step.usage.output.provenance is (Provenance.ESTIMATED if streaming else Provenance.REPORTED)
    assert session.text() == "I look.Done."


def test_a_result_that_the_model_invents_ends_its_answer() -> None:
    invented = Say(f'{use("roof")}\n<tool_result name="look">A raven!</tool_result>')

    session = turn_of(scripted((invented, Wait()), (Say("Done."),)), 1)

    [step] = [event for event in session.events if isinstance(event, StepCompleted)]
    assert (len(step.uses), step.stop_reason) == (1, StopReason.TOOL_USE)


def test_input_that_can_not_be_used_gets_an_error_result_that_says_why() -> None:
    answers = [
        (Say('<tool_use name="look"><where>roof</where></tool_use>'),),
        (Say('<tool_use name="look"><parameter name="where">ro'),),
        (Say("Done."),),
    ]
    session = turn_of(scripted(*answers))

    refused = [event.refused for event in session.events if isinstance(event, rc.ToolBatch)]
    assert [[use.name for use in uses] for uses in refused] == [["look"]] * 2
    errors = [event.results[0] for event in session.events if isinstance(event, StepCompleted)]
    texts = [block.text for each in errors for block in each.content if isinstance(block, rc.Text)]
    why = "The input of this tool use can't be used, and nothing was run: "
    assert texts == [
        f"{why}there is something else than parameters in it. Ask again.",
        f"{why}it has no </tool_use>. Ask again.",
    ]


def test_a_tool_use_that_the_output_limit_cuts_off_says_so() -> None:
    cut = (Say('<tool_use name="look"><parameter name="where">ro'), Stop(StopReason.MAX_TOKENS))

    session = turn_of(scripted(cut, (Say("Done."),)))

    [batch] = [event for event in session.events if isinstance(event, rc.ToolBatch)]
    assert [each.cut_off for each in batch.refused] == [StopReason.MAX_TOKENS]


def test_a_model_that_has_no_tools_uses_them_as_text_and_one_that_has_some_does_not() -> None:
    calls = (Say(use("roof")),)
    facts = ModelFacts(uses_tools=False)
    auto = scripted(calls, (Say("Done."),), tool_protocol="auto")
    without = msgspec.structs.replace(auto, provider=msgspec.structs.replace(auto.provider, facts=facts))

    assert turn_of(without, 1).text() == "Done."
    assert turn_of(auto).text() == use("roof")


class Watched(ScriptedClient):
    """A client that notes how many tools and which blocks its requests have."""

    seen: ClassVar[list[str]] = []

    @classmethod
    def open(cls, provider: ProviderConfig) -> Client:
        assert isinstance(provider, rc.Scripted)
        return cls(provider)

    async def stream(self, request: Request, sink: Sink) -> None:
        kinds = [type(block).__name__ for message in request.messages for block in message.content]
        self.seen.append(f"{len(request.settings.tools)} {' '.join(kinds)}")
        await super().stream(request, sink)


def test_a_session_changes_between_text_and_native_tools_at_any_time() -> None:
    async def main() -> None:
        config = scripted((Say(use("roof")),), (Call("look", {"where": "tree"}),), (Say(use("sky")),), (Say("Done."),))
        async with running_session(config, Watched.open) as session:
            session.ask()
            await session.wait_for_event(rc.ToolBatch)
            session.tell(rc.Configure(tool_protocol="native"))
            await answer_batch(session, 1)
            await session.wait_for(lambda event: isinstance(event, rc.ToolBatch) and event.step == 2)
            session.tell(rc.Configure(tool_protocol="text"))
            await answer_batch(session, 2)
            await answer_batch(session, 3)
            await session.wait_for_end(1)
            assert [type(block).__name__ for message in session.history() for block in message.content] == [
                "Text", *["ToolUse", "ToolResult"] * 3, "Text"
            ]  # fmt: skip

    Watched.seen.clear()
    asyncio.run(main())
    assert Watched.seen == [
        "0 Text",
        "1 Text ToolUse ToolResult",
        "0 Text Text Text Text Text",
        "0 Text Text Text Text Text Text Text",
    ]


def test_settings_that_tools_in_text_rule_out_are_rejected() -> None:
    rejected: dict[str, dict[str, Any]] = {
        "tools[0].strict": {"tools": (msgspec.structs.replace(LOOK, strict=True),)},
        "tools[0].name": {"tools": (rc.Tool(name="a<b"),)},
        "output_schema": {"output_schema": {"type": "object"}},
        "tool_choice.name": {"tool_choice": rc.ToolChoice(mode="tool", name="fly")},
    }
    for field, settings in rejected.items():
        with pytest.raises(InvalidConfig) as raised:
            turn_of(scripted((Say("Hi."),), **settings))
        assert raised.value.field.removeprefix("config.") == field


def test_tools_that_are_deferred_are_searched_for_in_text_too() -> None:
    def called(name: str, **parameters: str) -> str:
        given = "".join(f'<parameter name="{each}">{text}</parameter>' for each, text in parameters.items())
        return f'<tool_use name="{name}">{given}</tool_use>'

    many = (LOOK, *(rc.Tool(name=f"other_{number}", description="Something else.") for number in range(40)))
    answers = ((Say(called("search_tools", query="window")),), (Say(called("look", where="roof")),), (Say("A raven."),))

    async def main() -> tuple[list[str], list[str]]:
        bodies: list[str] = []

        class Recording(ScriptedClient):
            async def stream(self, request: Request, sink: Sink) -> None:
                bodies.append(str(request.settings.system))
                await super().stream(request, sink)

        provider = rc.Scripted(script=Script(answers=answers))
        config = rc.SessionConfig(provider=provider, tools=many, tool_protocol="text")
        async with running_session(config, lambda _: Recording(provider)) as session:
            session.ask()
            batch = await session.wait_for_event(rc.ToolBatch)
            assert isinstance(batch, rc.ToolBatch)
            session.tell(rc.ToolResults(results=(rc.ToolResult(batch.uses[0].id),)))
            await session.wait_for_event(rc.Completed)
            return bodies, [use.name for use in batch.uses]

    bodies, used = asyncio.run(main())

    assert used == ["look"]
    assert ["look" in body.split() or '"look"' in body for body in bodies] == [False, True, True]
    assert ["search_tools" in body for body in bodies] == [True] * 3
    assert not any("other_7" in body for body in bodies)
