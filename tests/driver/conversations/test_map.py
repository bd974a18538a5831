"""Many prompts to one config: answers in order, failures as values, a bounded number at work."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import aclosing
from typing import Any

import msgspec
import pytest
from builders.chat import DONE, chunk
from fixtures.rejections import ECHO, scripted
from servers.loopback import Exchange, Loopback

import rayconteur as rc
from rayconteur import blocking
from rayconteur.errors import ConfigError, EmptyMessage, InvalidConfig, TurnFailed
from rayconteur.runtime import FinalAnswer
from rayconteur.scripted import Call, Fail, Say, Script

ONCE = rc.RetryPolicy(max_attempts=1)


class Count(msgspec.Struct):
    ravens: int


def texts(results: list[FinalAnswer | rc.RayconteurError]) -> list[str]:
    return [result.text if isinstance(result, FinalAnswer) else result.code for result in results]


def test_answers_are_in_the_order_of_the_prompts_and_progress_is_reported(runtime: blocking.Runtime) -> None:
    prompts = [f"{number} ravens" for number in range(60)]
    progress: list[tuple[int, int | None]] = []

    results = runtime.map(ECHO, prompts, 8, lambda done, total: progress.append((done, total)))

    assert texts(results) == prompts
    assert progress == [(done, 60) for done in range(1, 61)]
    assert runtime.sessions() == []


def test_progress_counts_what_ends_while_the_results_are_used(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    async def main() -> list[int]:
        progress: list[int] = []
        async for _ in async_runtime.map(ECHO, ["one", "two", "three"], 3, lambda done, _: progress.append(done)):
            await asyncio.gather(*(task for task in asyncio.all_tasks() if "MapSessions" in str(task.get_coro())))
        return progress

    assert runner.run(main()) == [1, 2, 3]


@pytest.mark.parametrize("prompts", ["where?", b"where?", rc.UserMessage.of("where?")])
def test_a_single_prompt_is_no_list_of_prompts(runtime: blocking.Runtime, prompts: Any) -> None:
    with pytest.raises(InvalidConfig, match="give a list of prompts"):
        runtime.map(ECHO, prompts)


def test_each_prompt_has_a_conversation_of_its_own(runtime: blocking.Runtime) -> None:
    counted = runtime.map(rc.SessionConfig(provider=rc.Scripted(script=Script(tokens_per_s=None))), ["a", "b", "c"], 1)

    inputs = [result.usage.input.tokens for result in counted if isinstance(result, FinalAnswer)]
    assert len(set(inputs)) == 1  # nothing of the prompts before is sent


def test_a_prompt_that_fails_is_an_error_in_its_place(runtime: blocking.Runtime) -> None:
    results = runtime.map(ECHO, ["one", "", "three"], 2)

    assert texts(results) == ["one", "empty_message", "three"]
    assert isinstance(results[1], EmptyMessage)


@pytest.mark.parametrize(("retries", "codes"), [(0, ["turn_failed"]), (1, ["here"])])
def test_a_prompt_is_asked_again_for_what_may_pass(
    runner: asyncio.Runner, async_runtime: rc.Runtime, retries: int, codes: list[str]
) -> None:
    requests = itertools.count()

    async def respond(exchange: Exchange) -> None:
        if next(requests) == 0:
            await exchange.send_answer(b'{"error":{"message":"busy"}}', 503, content_type="application/json")
        else:
            text = chunk('{"content":"here"}', '"stop"')
            await exchange.send_answer(f"data: {text}\n\ndata: {DONE}\n\n".encode())

    async def main() -> list[str]:
        async with Loopback(respond) as server:
            provider = rc.OpenAI(model="m", api_key="k", base_url=f"{server.url}/v1", api="chat")
            config = rc.SessionConfig(provider=provider, retry=ONCE)
            return texts(await async_runtime.map(config, ["where?"], retries=retries))

    assert runner.run(main()) == codes


def test_a_failure_that_does_not_pass_is_not_asked_again(runtime: blocking.Runtime) -> None:
    config = scripted((Fail("invalid_request"),), (Say("here"),))

    (result,) = runtime.map(config, ["where?"], retries=5)

    assert isinstance(result, TurnFailed)
    assert result.failure == "invalid_request"


def test_tools_are_run_and_answers_are_values(runtime: blocking.Runtime) -> None:
    config = scripted((Call("count"),), (Say('{"ravens":7}'),))
    threads: list[threading.Thread] = []

    def run_tool(use: rc.ToolUse) -> str:
        threads.append(threading.current_thread())
        return "7"

    (result,) = runtime.map(config, ["how many?"], run_tool=run_tool, output_type=Count)

    assert not isinstance(result, rc.RayconteurError)
    assert result.value == Count(7)
    assert threads == [threading.current_thread()]


def test_an_invalid_config_fails_at_once(runtime: blocking.Runtime) -> None:
    with pytest.raises(ConfigError, match="temperature"):
        runtime.map(rc.SessionConfig(provider=rc.Scripted(), temperature=9), ["a"] * 50)
    with pytest.raises(InvalidConfig, match="concurrency"):
        runtime.map(ECHO, ["a"], 0)
    with pytest.raises(InvalidConfig, match="retries"):
        runtime.map(ECHO, ["a"], retries=-1)
    assert runtime.map(ECHO, []) == []


def test_iterating_reads_prompts_only_as_far_as_needed_and_leaving_closes_the_sessions(
    runner: asyncio.Runner,
    async_runtime: rc.Runtime,
) -> None:
    read: list[int] = []

    def prompts() -> Iterator[str]:
        for number in itertools.count():
            read.append(number)
            yield f"{number} ravens"

    async def main() -> tuple[list[str], int]:
        answers: list[str] = []
        async with aclosing(aiter(async_runtime.map(ECHO, prompts(), concurrency=3))) as results:
            async for result in results:
                answers += texts([result])
                if len(answers) == 50:
                    break
        return answers, len(await async_runtime.sessions())

    assert runner.run(main()) == ([f"{number} ravens" for number in range(50)], 0)
    assert len(read) <= 50 + 30


def test_cancelling_interrupts_what_runs_and_closes_the_sessions(
    runner: asyncio.Runner, async_runtime: rc.Runtime
) -> None:
    slow = rc.SessionConfig(provider=rc.Scripted(script=Script(tokens_per_s=1)))

    async def main() -> tuple[int, int]:
        mapping = asyncio.ensure_future(all_of(async_runtime.map(slow, ["A long story, please."] * 100, concurrency=4)))
        async for event in async_runtime.events():
            if isinstance(event, rc.TextChunk):
                break
        running = len(await async_runtime.sessions())
        mapping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await mapping
        return running, len(await async_runtime.sessions())

    running, left = runner.run(main())
    assert 1 <= running <= 4
    assert left == 0


async def all_of(mapped: rc.runtime.PromptMap[FinalAnswer]) -> list[FinalAnswer | rc.RayconteurError]:
    return await mapped
