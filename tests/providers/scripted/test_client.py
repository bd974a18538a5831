"""The answers of the scripted provider, and their timing."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from fixtures.clients import batches_of, collect_deltas
from fixtures.virtual_time import run

from rayconteur.providers.schema.client import CompactingClient
from rayconteur.providers.schema.content import Image, Opaque, Text, ToolResult, ToolUse
from rayconteur.providers.schema.deltas import (
    AnswerEnded,
    AnswerStarted,
    BlockEnded,
    Delta,
    TextDelta,
    ThinkingDelta,
    ThinkingSigned,
    ToolInputDelta,
    ToolUseStarted,
    UsageReported,
)
from rayconteur.providers.schema.draft import Answer, Draft
from rayconteur.providers.schema.errors import IncompleteAnswer, InvalidConfig, Overloaded, ProviderError, RateLimited
from rayconteur.providers.schema.messages import Message, Role
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.schema.stop_reasons import StopReason
from rayconteur.providers.schema.tools import Tool
from rayconteur.providers.schema.usage import Usage, reported
from rayconteur.providers.scripted.client import ScriptedClient
from rayconteur.providers.scripted.config import Scripted
from rayconteur.providers.scripted.script import Call, Cut, Fail, Say, Script, Step, Stop, Think, Wait

HI = Message(role=Role.USER, content=(Text(text="Hello, raven!"),), turn=1)


def scripted_client(*steps: Step, tokens_per_s: float | None = None, first_token_s: float = 0.0) -> ScriptedClient:
    script = Script(answers=(steps,), tokens_per_s=tokens_per_s, first_token_s=first_token_s)
    return ScriptedClient(Scripted(script=script))


def make_request(number: int = 1, *messages: Message) -> Request:
    return Request(number, messages or (HI,), Settings())


def stream(client: ScriptedClient, request: Request) -> list[Delta]:
    return run(collect_deltas(client, request))


def answer_to(client: ScriptedClient, request: Request) -> Answer:
    draft = Draft(client.provider)
    draft.add(stream(client, request))
    return draft.finish()


def text_to(client: ScriptedClient, request: Request) -> str:
    return "".join(block.text for block in answer_to(client, request).content if isinstance(block, Text))


async def arrivals(batches: AsyncIterator[Sequence[Delta]]) -> list[tuple[float, int]]:
    """The time of each batch in milliseconds, and the number of pieces of text in it."""
    now = asyncio.get_running_loop().time
    return [(round(now() * 1000), sum(isinstance(d, TextDelta) for d in batch)) async for batch in batches]


def test_an_answer_is_streamed_in_pieces_and_reports_its_tokens() -> None:
    steps = (Think("Hm"), Say("Caw caw", 5), Call("fly", {"to": "oak"}))

    *deltas, usage, ended = stream(scripted_client(*steps), make_request(3))

    assert deltas == [
        AnswerStarted("scripted-3", "scripted"),
        ThinkingDelta(0, "Hm"),
        ThinkingSigned(0, "scripted"),
        BlockEnded(0),
        TextDelta(1, "Caw c"),
        TextDelta(1, "aw"),
        BlockEnded(1),
        ToolUseStarted(2, "call-3-2", "fly"),
        ToolInputDelta(2, '{"to'),
        ToolInputDelta(2, '":"o'),
        ToolInputDelta(2, 'ak"}'),
        BlockEnded(2),
    ]
    assert isinstance(usage, UsageReported)
    assert (usage.usage.output, usage.usage.reasoning) == (reported(6), reported(1))
    assert ended == AnswerEnded(StopReason.TOOL_USE, "tool_use")


def test_answers_are_the_same_on_every_run() -> None:
    raven = scripted_client(Say("Caw"), Call("fly"), Call("sit"))

    assert stream(raven, make_request(2)) == stream(raven, make_request(2))


def test_without_a_script_it_echoes_the_last_user_message() -> None:
    raven = ScriptedClient(Scripted())
    image = Image(url="https://example.com/raven.png")
    earlier = [HI, Message(role=Role.ASSISTANT, content=(Text(text="Caw"),), turn=1)]
    last = Message(role=Role.USER, content=(Text(text="Hello "), image, Text(text="again")), turn=2)
    results = Message(role=Role.USER, content=(ToolResult(tool_use_id="t1", content=(Text(text="42"),)),), turn=2)

    assert text_to(raven, make_request(1, *earlier, last)) == "Hello again"
    assert text_to(raven, make_request(1, *earlier, results)) == "42"


def test_request_n_gets_answer_n_and_later_requests_the_last_answer() -> None:
    raven = ScriptedClient(Scripted(script=Script(answers=((Say("one"),), (Say("two"),)))))

    assert [text_to(raven, make_request(number)) for number in (1, 2, 3, 9)] == ["one", "two", "two", "two"]


def test_a_tool_call_has_the_input_of_the_script_valid_or_not() -> None:
    content = answer_to(
        scripted_client(Call("fly", json='{"to": "o', id="t1"), Call("sit", json="")), make_request()
    ).content

    assert [(block.id, block.name, block.malformed) for block in content if isinstance(block, ToolUse)] == [
        ("t1", "fly", '{"to": "o'),
        ("call-1-1", "sit", None),
    ]


def test_stop_sets_the_stop_reason() -> None:
    whole = answer_to(scripted_client(Say("Caw"), Stop(StopReason.MAX_TOKENS), Say("never")), make_request())

    assert (whole.content, whole.stop_reason) == ((Text(text="Caw"),), StopReason.MAX_TOKENS)


def test_the_input_is_estimated_from_the_whole_request() -> None:
    def input_tokens(request: Request) -> int:
        count = answer_to(scripted_client(Say("Caw")), request).usage.input
        assert count == reported(count.tokens)
        return count.tokens or 0

    short = input_tokens(make_request())
    long = input_tokens(make_request(1, HI, Message(role=Role.USER, content=(Text(text="x" * 4000),), turn=1)))
    tools = input_tokens(
        Request(1, (HI,), Settings(system="y" * 400, tools=(Tool(name="fly", description="z" * 400),)))
    )

    assert 0 < short < 50
    assert 1000 <= long - short < 1050
    assert 200 <= tools - short < 250


def test_without_usage_nothing_is_reported() -> None:
    raven = ScriptedClient(Scripted(script=Script(usage="none")))

    assert answer_to(raven, make_request()).usage == Usage()


def test_text_arrives_at_the_script_s_rate_after_its_time_to_first_token() -> None:
    raven = scripted_client(Say("abcdefgh", 2), tokens_per_s=10, first_token_s=3)

    assert run(arrivals(batches_of(raven, make_request()))) == [(3000, 1), (3100, 1), (3200, 1), (3300, 1)]


def test_the_pace_continues_across_blocks() -> None:
    raven = scripted_client(Say("ab", 1), Say("cd", 1), tokens_per_s=10)

    assert run(arrivals(batches_of(raven, make_request()))) == [(0, 1), (100, 1), (200, 1), (300, 1)]


def test_a_slow_reader_gets_the_overdue_deltas_in_one_batch() -> None:
    raven = scripted_client(Say("x" * 10, 1), tokens_per_s=10)

    async def read_late() -> list[tuple[float, int]]:
        stream = batches_of(raven, make_request())
        await anext(stream)
        await asyncio.sleep(0.55)
        return await arrivals(stream)

    assert run(read_late()) == [(550, 5), (600, 1), (700, 1), (800, 1), (900, 1)]


def test_unpaced_text_comes_in_batches_that_yield_to_other_tasks() -> None:
    raven = scripted_client(Say("x" * 1000, 1))
    iterations = 0

    async def other() -> None:
        nonlocal iterations
        while True:
            iterations += 1
            await asyncio.sleep(0)

    async def main() -> list[int]:
        working = asyncio.create_task(other())
        sizes = [len(batch) async for batch in batches_of(raven, make_request())]
        working.cancel()
        return sizes

    sizes = run(main())

    assert len(sizes) == 16
    assert max(sizes) < 70
    assert iterations >= 16


def test_a_wait_pauses_between_the_steps_around_it() -> None:
    raven = scripted_client(Say("ab", 1), Wait(5), Say("cd", 1), tokens_per_s=10)

    assert run(arrivals(batches_of(raven, make_request()))) == [(0, 1), (100, 1), (5100, 1), (5200, 1)]


def test_an_endless_wait_can_be_cancelled() -> None:
    received: list[Delta] = []

    async def main() -> None:
        async with asyncio.timeout(1000):
            await scripted_client(Say("Caw"), Wait()).stream(make_request(), received.extend)

    with pytest.raises(TimeoutError):
        run(main())

    assert received == [AnswerStarted("scripted-1", "scripted"), TextDelta(0, "Caw"), BlockEnded(0)]


@pytest.mark.parametrize("step", [Fail(), Cut()])
def test_an_answer_does_not_start_before_its_first_content(step: Step) -> None:
    received: list[Delta] = []

    with pytest.raises(ProviderError):
        run(scripted_client(step).stream(make_request(), received.extend))

    assert received == []


def test_a_failure_raises_the_error_of_its_code_after_the_content_before_it() -> None:
    received: list[Delta] = []

    async def main() -> None:
        failing = scripted_client(Say("Caw"), Fail("rate_limited", "slower", 2.5))
        await failing.stream(make_request(), received.extend)

    with pytest.raises(RateLimited, match="slower") as caught:
        run(main())

    assert (caught.value.retry_after_s, caught.value.provider) == (2.5, "scripted")
    assert received[1:] == [TextDelta(0, "Caw"), BlockEnded(0)]


def test_a_cut_answer_is_incomplete() -> None:
    with pytest.raises(IncompleteAnswer):
        stream(scripted_client(Say("Caw"), Cut(), Say("never")), make_request())


def provider_errors(error: type[ProviderError] = ProviderError) -> list[type[ProviderError]]:
    """*error* and all its subclasses."""
    return [error, *(kind for child in error.__subclasses__() for kind in provider_errors(child))]


@pytest.mark.parametrize("error", provider_errors())
def test_a_script_can_fail_with_every_error_a_provider_has(error: type[ProviderError]) -> None:
    with pytest.raises(ProviderError) as caught:
        stream(scripted_client(Fail(error.code)), make_request())

    assert type(caught.value) is error


def test_an_unknown_error_code_is_rejected_where_it_is_written() -> None:
    with pytest.raises(InvalidConfig, match=r"'too_busy'.*overloaded") as caught:
        Fail("too_busy")

    assert caught.value.field == "fail.code"


def test_complete_returns_the_streamed_answer_with_whole_blocks() -> None:
    raven = scripted_client(Think("Shiny thing"), Say("Caw caw caw"), Call("fly", {"to": "oak"}))

    deltas = run(raven.complete(make_request()))

    draft = Draft(raven.provider)
    draft.add(deltas)
    assert draft.finish() == answer_to(raven, make_request())
    assert TextDelta(1, "Caw caw caw") in deltas


def test_complete_takes_as_long_as_streaming() -> None:
    raven = scripted_client(Say("x" * 20, 1), Wait(3), Say("y" * 10, 1), tokens_per_s=10, first_token_s=1)

    async def main() -> float:
        await raven.complete(make_request())
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(1 + 2 + 3 + 1)


@pytest.mark.parametrize(("step", "error"), [(Fail(), Overloaded), (Cut(), IncompleteAnswer)])
def test_a_script_that_ends_a_stream_early_fails_complete(step: Step, error: type[ProviderError]) -> None:
    with pytest.raises(error):
        run(scripted_client(Say("Caw"), step).complete(make_request()))


def compacting_client(*steps: Step) -> ScriptedClient:
    return ScriptedClient(Scripted(script=Script(compaction=steps, first_token_s=1)))


def test_a_compaction_is_one_opaque_block_with_what_the_script_says() -> None:
    answer = run(compacting_client(Say("Ravens"), Say(" hide food.")).compact(make_request(), "Keep the names."))

    (block,) = answer.content
    assert isinstance(block, Opaque)
    assert (block.provider, block.type) == ("scripted", "compaction")
    assert msgspec.json.decode(block.json)["summary"] == "Ravens hide food."
    assert msgspec.json.decode(block.json)["instructions"] == "Keep the names."
    assert answer.usage.output == reported(5)


def test_a_compaction_is_a_compacting_client_s_and_pauses_and_fails_as_the_script_says() -> None:
    client = compacting_client(Wait(2), Fail("overloaded"))
    assert isinstance(client, CompactingClient)

    async def main() -> float:
        with pytest.raises(Overloaded):
            await client.compact(make_request(), None)
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(3)


def test_a_failure_of_the_compaction_must_be_one_that_providers_have() -> None:
    with pytest.raises(InvalidConfig):
        compacting_client(Fail("too_busy"))
