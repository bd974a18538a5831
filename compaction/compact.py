"""From a config to a shorter history."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import assert_never

from ..providers.schema.usage import NONE_YET, Usage
from .config import (
    Compaction,
    DropImages,
    DropThinking,
    Layer,
    Layered,
    Report,
    Shortened,
    Summarize,
    Threshold,
    Window,
)
from .history import History
from .strategies import images, thinking
from .strategies import tool_results as results
from .strategies.summarize import Summarizing
from .strategies.window import Dropping
from .strategy import Outcome, Reach, Strategy
from .task import Task


def open_strategy(config: Layer) -> Strategy:
    """The strategy that *config* describes."""
    match config:
        case Threshold():
            return results.strategy(config)
        case DropThinking():
            return thinking.strategy(config)
        case DropImages():
            return images.strategy(config)
        case Summarize():
            return Summarizing(config)
        case Window():
            return Dropping(config)
        case _:
            assert_never(config)


async def shorten(task: Task, config: Compaction) -> Shortened:
    """The history of *task*, shortened as *config* says until it fits; it stays as it is where it fits already.

    It comes out valid for every provider, in the same order and with whole pairs of tool uses and results. The last
    message of the user and the step after it that is last are untouched, and what does not change is the same objects.
    It fails only by its report. Cancelling it leaves nothing behind.
    """
    before = History.of(task.messages, task.tokens)
    work = _Work(task, before)
    layers = config.strategies if isinstance(config, Layered) else (config,)
    if before.question < len(before.messages):
        reaches = (Reach.OLD, Reach.ALL) if isinstance(config, Layered) else (Reach.ALL,)
        for reach in reaches:
            await work.apply(layers, reach)
    return work.done(before, config.name)


@dataclass(slots=True)
class _Work:
    """The *history* as it is by now, and what became of the layers."""

    task: Task
    history: History
    at_work: list[str] = field(default_factory=list[str])
    problems: dict[str, str] = field(default_factory=dict[str, str])
    summary_chars: int = 0
    usage: Usage = NONE_YET

    @property
    def fits(self) -> bool:
        return self.history.tokens <= self.task.budget_tokens

    async def apply(self, layers: tuple[Layer, ...], reach: Reach) -> None:
        """One after the other until it fits. One that failed is not asked again."""
        for layer in layers:
            if self.fits:
                return
            if layer.name not in self.problems:
                self._take(layer.name, await open_strategy(layer).shorten(self.history, self.task, reach))

    def _take(self, name: str, outcome: Outcome) -> None:
        if outcome.history is not self.history and name not in self.at_work:
            self.at_work.append(name)
        if outcome.problem:
            self.problems[name] = outcome.problem
        self.history = outcome.history
        self.summary_chars += outcome.summary_chars
        self.usage += outcome.usage

    def done(self, before: History, name: str) -> Shortened:
        """What came of it all."""
        after = self.history
        kept = _turns_kept(before, after)
        report = Report(
            strategy=", ".join(self.at_work) or name,
            messages_before=len(before.messages),
            messages_after=len(after.messages),
            tokens_before=before.tokens,
            tokens_after=after.tokens,
            turns_compacted=len(before.turns) - kept,
            turns_kept=kept,
            summary_chars=self.summary_chars,
            usage=self.usage,
            problem=self._problem(before),
        )
        return Shortened(messages=None if after is before else after.messages, report=report)

    def _problem(self, before: History) -> str | None:
        found = [f"{name}: {problem}" for name, problem in self.problems.items()]
        budget = f"{self.task.budget_tokens:,} tokens"
        if not self.fits:
            had = f"{self.history.tokens:,}" if self.history is not before else f"its {before.tokens:,}"
            found.append(f"the history has {had} tokens, and may have {budget}: nothing more can go this way")
        elif self.history is before:
            found.append(f"the history fits already, with {before.tokens:,} of {budget}")
        return "; ".join(found) or None


def _turns_kept(before: History, after: History) -> int:
    """How many turns stand in *after* as they stood in *before*."""
    kept = set(map(id, after.messages))
    places = pairwise([*before.turns, len(before.messages)])
    return sum(all(id(message) in kept for message in before.messages[begin:end]) for begin, end in places)
