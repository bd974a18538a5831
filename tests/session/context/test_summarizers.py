"""Who writes the summaries of a session, and how long a compaction waits for them."""

import asyncio
from collections.abc import Sequence

import pytest
from builders.compaction import turns
from builders.histories import count_tokens
from checkers.strict_model import StrictModel
from fixtures.session import running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Compaction, CompactionJob, Custom, Layered, NativeCompaction, Summarize, compact
from rayconteur.providers import ModelFacts, ProviderConfig
from rayconteur.providers.schema.client import Client, Sink
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.draft import Answer
from rayconteur.providers.schema.messages import Message
from rayconteur.providers.schema.request import Request, Settings
from rayconteur.providers.scripted.client import ScriptedClient

OTHER = rc.Scripted(model="another")


def test_another_provider_writes_the_summaries_if_the_strategy_names_one() -> None:
    asked: list[str] = []

    def open_client(provider: ProviderConfig) -> Client:
        class Recording(ScriptedClient):
            async def stream(self, request: Request, sink: Sink) -> None:
                asked.append(provider.model)
                await super().stream(request, sink)

        assert isinstance(provider, rc.Scripted)
        return Recording(provider)

    async def main() -> None:
        facts = ModelFacts(context_limit_tokens=4_000)
        strategies = (Summarize(keep_recent_turns=1, provider=OTHER),)
        config = rc.SessionConfig(
            provider=rc.Scripted(model="own", facts=facts),
            compaction=Layered(strategies=strategies),
        )
        async with running_session(config, open_client) as session:
            for _ in range(8):
                await session.wait_for_end(session.ask("A raven hides its food, and hides it again. " * 30))

    run(main())

    assert "own" in asked
    assert "another" in asked


class Stuck:
    async def compact(self, messages: Sequence[Message], room: object) -> Sequence[Message]:
        await asyncio.Event().wait()
        return messages


async def hang(*_: object) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


@pytest.mark.parametrize(
    ("config", "seconds"),
    [
        (Summarize(), 60),
        (Summarize(timeout_s=5), 5),
        (NativeCompaction(), 120),
        (NativeCompaction(timeout_s=5), 5),
        (Custom(instance=Stuck()), 60),
        (Custom(instance=Stuck(), timeout_s=5), 5),
    ],
)
def test_a_compaction_waits_as_long_as_its_strategy_says(config: Compaction, seconds: int) -> None:
    async def main() -> float:
        now = asyncio.get_running_loop().time
        job = CompactionJob(
            messages=turns(8),
            budget_tokens=100,
            window_tokens=100_000,
            count_tokens=count_tokens,
            send=hang,
            compact_natively=hang,
        )
        began = now()
        result = await compact(job, config)
        assert f"took longer than {seconds} s" in (result.report.problem or "")
        return now() - began

    assert run(main()) == seconds


def test_a_request_for_a_summary_has_its_instructions_and_limit_and_nothing_of_the_session_s_settings() -> None:
    asked: list[Settings] = []

    class Recording(StrictModel):
        async def complete(self, request: Request) -> Sequence[Delta]:
            if not request.number:
                asked.append(request.settings)
            return await super().complete(request)

    async def main() -> None:
        config = rc.SessionConfig(
            provider=rc.Scripted(facts=ModelFacts(context_limit_tokens=4_000)),
            compaction=Summarize(max_summary_tokens=300, prompt="Write down the facts."),
            system="Be brief.",
            temperature=0.5,
            user="raven",
        )
        async with running_session(config, lambda _: Recording(4_000)) as session:
            for turn in range(20):
                await session.wait_for_end(session.ask(f"FACT-{turn}={turn} A raven hides its food. " * 20))

    run(main())

    # Its prompt is sent once: nothing would read it from a cache.
    alone = Settings(system="Write down the facts.", max_output_tokens=300, prompt_caching=False)
    assert asked
    assert asked == [alone] * len(asked)
