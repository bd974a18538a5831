"""Sessions on Ray whose provider is llama.cpp's server, with four slots."""

import asyncio

import pytest
from servers.llama import SLOTS, Llama, chat

import rayconteur as rc
from rayconteur.errors import TurnInterrupted
from rayconteur.providers import Provenance

ONE_ATTEMPT = rc.RetryPolicy(max_attempts=1)
LONG = {"ignore_eos": True}
"""Makes an answer as long as the context of 1,024 tokens, which takes ten seconds or more."""
POLL_S = 1.2
"""The server checks whether a client is still there when it has had no result for a second, of whatever request."""


async def wait_for_busy_slots(llama: Llama, count: int) -> None:
    """Poll until *count* slots work on a request, for less time than a long answer takes."""
    async with asyncio.timeout(6):
        while await llama.busy_slots() != count:  # noqa: ASYNC110  the server does not announce it
            await asyncio.sleep(POLL_S)


@pytest.mark.chaos
def test_twenty_packed_sessions_at_once_are_all_answered(llama: Llama, options: rc.RuntimeOptions) -> None:
    async def main() -> None:
        config = rc.SessionConfig(provider=chat(llama.url), max_output_tokens=4, retry=ONE_ATTEMPT)
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            sessions = await runtime.spawn_many(config, 20)
            for question in ("What is a raven?", "And a crow?"):
                answers = await asyncio.gather(*(session.ask(question).answer() for session in sessions))

                assert all(answer.text for answer in answers)
                assert {answer.usage.output.provenance for answer in answers} == {Provenance.REPORTED}
            assert {len(await session.history()) for session in sessions} == {4}

    asyncio.run(main())


@pytest.mark.parametrize("streaming", [True, pytest.param(False, marks=pytest.mark.chaos)], ids=["streamed", "whole"])
def test_an_interrupt_frees_the_slots_of_running_and_waiting_requests(
    llama: Llama, options: rc.RuntimeOptions, streaming: bool
) -> None:
    async def main() -> None:
        long = rc.SessionConfig(provider=chat(llama.url, extra_body=LONG), retry=ONE_ATTEMPT, streaming=streaming)
        brief = rc.SessionConfig(provider=chat(llama.url), max_output_tokens=4, retry=ONE_ATTEMPT)
        async with rc.Runtime(options=options, placement=rc.Packed()) as runtime:
            sessions = await runtime.spawn_many(long, SLOTS + 2)
            replies = [asyncio.create_task(session.ask("What is a raven?").answer()) for session in sessions]
            await wait_for_busy_slots(llama, SLOTS)

            for session in sessions:
                await session.interrupt()

            await wait_for_busy_slots(llama, 0)
            results = await asyncio.gather(*replies, return_exceptions=True)
            assert {type(result) for result in results} == {TurnInterrupted}
            assert (await (await runtime.spawn(brief)).ask("And a crow?").answer()).text

    asyncio.run(main())
