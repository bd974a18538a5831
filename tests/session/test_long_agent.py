"""A long agent session on a small window: 2,000 requests, with tool results of all sizes and honest usage."""

import asyncio
import random
from dataclasses import dataclass

from fixtures.session import SessionFixture, running_session
from fixtures.virtual_time import run

import rayconteur as rc
from rayconteur.compaction import Layered, Summarize, Threshold, Window
from rayconteur.providers import ModelFacts
from rayconteur.scripted import Call, Say, Script, Step

LIMIT = 32_000
ANSWER = 1_000
TURNS, STEPS = 400, 4
REQUESTS = TURNS * (STEPS + 1)
BYTES_PER_TOKEN = 4
"""The scripted provider counts a token for each 4 bytes of the whole request."""


def tool_outputs() -> list[str]:
    """The outputs of all tool runs: mostly short, sometimes a file of 6,000 tokens."""
    rng = random.Random(7)
    sizes = [rng.choice((50, 200, 800, 2_000, 6_000)) for _ in range(TURNS * STEPS)]
    return [f"{number:06} " * (size * BYTES_PER_TOKEN // 7) for number, size in enumerate(sizes)]


@dataclass
class NaiveCompaction:
    """A common implementation: it compacts after the last request's input exceeded a share of the window."""

    tokens: int = 0
    last_input: int = 0
    above_limit: int = 0
    compactions: int = 0
    due: bool = False

    def request(self, new: int) -> None:
        self.tokens += new
        self.above_limit += self.tokens > LIMIT
        self.last_input = self.tokens
        if self.due:
            self.tokens, self.due = LIMIT // 4, False
            self.compactions += 1
        elif self.last_input > 0.75 * LIMIT:
            self.due = True


async def run_turns(session: SessionFixture, outputs: list[str]) -> None:
    """Runs all turns: in each a question, four rounds of tool use, and an answer."""
    batches, ends = EventCursor(session, rc.ToolBatch), EventCursor(session, rc.Completed)
    for turn in range(TURNS):
        session.ask(f"Question {turn}: what does it say?")
        for step in range(STEPS):
            batch = await batches.next()
            assert isinstance(batch, rc.ToolBatch)
            text = outputs[turn * STEPS + step]
            session.tell(
                rc.ToolResults(
                    results=tuple(rc.ToolResult(use.id, (rc.Text(text),)) for use in batch.uses),
                    compact_summaries={use.id: f"it said {text[:6]} many times" for use in batch.uses},
                )
            )
        await ends.next()


class EventCursor:
    """Iterates over the session's events of one kind, and looks at each event once."""

    def __init__(self, session: SessionFixture, kind: type[rc.FromLLM]) -> None:
        self._here, self._kind, self._seen = session, kind, 0

    async def next(self) -> rc.FromLLM:
        while True:
            while self._seen < len(self._here.events):
                self._seen += 1
                event = self._here.events[self._seen - 1]
                if isinstance(event, self._kind):
                    return event
            await asyncio.sleep(0.001)


def test_two_thousand_requests_stay_within_the_context_window() -> None:
    look: tuple[Step, ...] = (Call("look", {"where": "roof"}),)
    tell: tuple[Step, ...] = (Say("It says a number. " * 20, 40),)
    answers = (*(look,) * STEPS, tell) * TURNS
    writer = rc.Scripted(script=Script(answers=((Say("They looked at files of numbers. " * 10, 40),),)))
    config = rc.SessionConfig(
        provider=rc.Scripted(script=Script(answers=answers), facts=ModelFacts(context_limit_tokens=LIMIT)),
        max_output_tokens=ANSWER,
        compaction=Layered(strategies=(Threshold(), Summarize(provider=writer), Window(keep_recent_turns=5))),
    )
    outputs = tool_outputs()

    async def main() -> list[rc.FromLLM]:
        async with running_session(config) as session:
            await run_turns(session, outputs)
            return list(session.events)

    events = run(main())

    inputs = [event.request.input.tokens or 0 for event in events if isinstance(event, rc.TokenUpdate)]
    compacted = [event for event in events if isinstance(event, rc.Compacted)]
    summary_tokens = sum(event.report.usage.output.tokens or 0 for event in compacted if event.report)
    naive = NaiveCompaction()
    for text in outputs:
        naive.request(len(text) // BYTES_PER_TOKEN + 150)
    print(
        f"{len(inputs)} requests, largest {max(inputs)}, {len(compacted)} compactions, {summary_tokens} summary tokens"
    )
    print(f"naive: {naive.above_limit} requests above the limit, {naive.compactions} compactions")

    assert len(inputs) == REQUESTS
    assert max(inputs) <= LIMIT - ANSWER
    assert not any(isinstance(event, rc.Failed) for event in events)
    # About 7 million tokens come in. A compaction leaves at most 60 % of the threshold, which is 75 % of the window, so
    # at least the other 40 % come in before the next one.
    incoming = sum(map(len, outputs)) // BYTES_PER_TOKEN
    assert len(compacted) <= incoming / (LIMIT * 0.75 * 0.4) + 1
    assert summary_tokens <= 2_048 * len(compacted)
    assert naive.above_limit > 0
