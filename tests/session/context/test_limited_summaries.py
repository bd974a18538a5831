"""A summarizer with a rate limit: its waits are the retry policy's, and cost neither a turn nor a summary."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest
from checkers.strict_model import FACT, StrictModel, facts_in
from fixtures.session import running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Compaction, Custom, Layered, Room, Summarize
from rayconteur.providers import ModelFacts
from rayconteur.providers.schema.deltas import Delta
from rayconteur.providers.schema.errors import RateLimited
from rayconteur.providers.schema.request import Request

WINDOW = 4_096
TURNS = 25
CONFIG = rc.SessionConfig(provider=rc.Scripted(facts=ModelFacts(context_limit_tokens=WINDOW)))
TEXT = "A raven hides its food, and hides it again if another one was watching. " * 8
LIMIT_S = 50.0


class LimitedModel(StrictModel):
    """Takes a request for a summary *limit_s* after it has rejected one, and *takes_s* for each. *calls* are all."""

    def __init__(self, limit_s: float, takes_s: float = 0.0) -> None:
        super().__init__(WINDOW)
        self.limit_s = limit_s
        self.takes_s = takes_s
        self.calls = 0
        self._accepts_at: float | None = None

    async def complete(self, request: Request) -> Sequence[Delta]:
        if not request.number:
            self.calls += 1
            now = asyncio.get_running_loop().time()
            await asyncio.sleep(self.takes_s)
            if self._accepts_at is None or now < self._accepts_at:
                self._accepts_at = now + self.takes_s + self.limit_s
                raise RateLimited("wait", "scripted", retry_after_s=self.limit_s)
            self._accepts_at = None
        return await super().complete(request)


class AsksOnce:
    """A strategy of a program's own, which has the model write down the facts."""

    async def compact(self, messages: Sequence[rc.Message], room: Room) -> Sequence[rc.Message]:
        said = " ".join(
            block.text for message in messages[:-1] for block in message.content if isinstance(block, rc.Text)
        )
        return [rc.Message.of_user(await room.ask(facts_in(said))), messages[-1]]


def facts(model: StrictModel) -> set[str]:
    return set(FACT.findall(model.requests[-1]))


async def talk(model: LimitedModel, config: rc.SessionConfig) -> list[rc.Compacted]:
    """Complete all turns of a session. Returns its compactions."""
    async with running_session(config, lambda _: model) as session:
        for turn in range(1, TURNS + 1):
            end = await session.wait_for_end(session.ask(f"FACT-{turn}={turn * 7} {TEXT}"))
            assert isinstance(end, rc.Completed), end
        return [event for event in session.events if isinstance(event, rc.Compacted)]


@pytest.mark.parametrize("compaction", [Layered(), Summarize(), Custom(instance=AsksOnce())])
def test_a_summarizer_that_is_rate_limited_for_50_s_at_each_call_costs_no_turn_and_no_fact(
    compaction: Compaction,
) -> None:
    model = LimitedModel(LIMIT_S)

    compactions = run(talk(model, msgspec.structs.replace(CONFIG, compaction=compaction)))

    assert len(compactions) > 1
    assert [compaction.problem for compaction in compactions] == [None] * len(compactions)
    assert model.calls == 2 * len(model.summaries)
    assert model.refused == []
    assert facts(model) == {f"FACT-{turn}={turn * 7}" for turn in range(1, TURNS + 1)}


@pytest.mark.parametrize(
    ("policy", "is_written"),
    [
        (rc.RetryPolicy(max_elapsed_s=LIMIT_S * 1.2), True),
        (rc.RetryPolicy(max_elapsed_s=LIMIT_S - 1), False),
        (rc.RetryPolicy(max_attempts=1), False),
    ],
)
def test_how_long_a_summary_is_waited_for_is_what_the_retry_policy_says(
    policy: rc.RetryPolicy, is_written: bool
) -> None:
    model = LimitedModel(LIMIT_S)

    first, *_ = run(talk(model, msgspec.structs.replace(CONFIG, retry=policy)))

    assert (first.problem is None) == is_written
    assert is_written or "rate_limited" in (first.problem or "")
    assert model.refused == []


@pytest.mark.parametrize(("takes_s", "is_written"), [(29, True), (31, False)])
def test_waiting_does_not_count_towards_the_time_limit_and_requests_do(takes_s: float, is_written: bool) -> None:
    model = LimitedModel(LIMIT_S, takes_s)

    first, *_ = run(talk(model, CONFIG))

    assert (first.problem is None) == is_written
    assert is_written or "took longer than 60 s" in (first.problem or "")
