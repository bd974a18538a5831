"""A summary of what is old, written by a model."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from ...providers.schema.errors import ProviderError
from ..config import Summarize
from ..history import History
from ..strategy import Outcome, Reach
from ..task import Task
from .summarizer import NoSummary, Summarizer
from .summary_messages import text_of

_NOTE_TOKENS = 40
"""What says that a summary is one, at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Sum up what stands before *cut*, and what stands between the question and *step*."""

    cut: int
    step: int


class Summarizing:
    """Puts a summary in the place of old turns, and of old steps of the last one where that is not enough.

    A summary that stands among them goes into the new one. What is shorter than its summary stays. If anything goes
    wrong, everything stays.
    """

    def __init__(self, config: Summarize):
        self._config = config

    async def shorten(self, history: History, task: Task, reach: Reach) -> Outcome:
        summarizer = Summarizer(self._config, task)
        shorter, problem = history, None
        try:
            async with asyncio.timeout(self._config.timeout_s):
                shorter = await self._summed_up(history, summarizer, task, reach)
        except TimeoutError:
            problem = f"the summary was not there after {self._config.timeout_s:g} s"
        except ProviderError as error:
            problem = f"no summary: {error.code}: {error.message}"
        except NoSummary as error:
            problem = str(error)
        return Outcome(shorter, _new_chars(history, shorter), summarizer.usage, problem)

    async def _summed_up(self, history: History, summarizer: Summarizer, task: Task, reach: Reach) -> History:
        old = history.old(self._config.keep_recent_turns)
        if reach is Reach.OLD:
            return await _carried_out(Plan(old, 0), history, summarizer, task)
        shorter = history
        for plan in (self._plan(history, old, task.budget_tokens), None):
            # Where summaries came out longer than planned, all that can be summed up is: there is no third time.
            shorter = await _carried_out(plan or Plan(shorter.question, shorter.last_step), shorter, summarizer, task)
            if shorter.tokens <= task.budget_tokens:
                break
        return shorter

    def _plan(self, history: History, old: int, budget_tokens: int) -> Plan:
        """The least that has to be summed up, old turns in any case."""
        over = history.tokens - budget_tokens
        summary = self._config.max_summary_tokens + _NOTE_TOKENS
        before, question = history.before, history.question
        for cut in (at for at in history.turns if at >= old):
            if before[cut] - summary >= over:
                return Plan(cut, 0)
        over -= max(0, before[question] - summary)
        enough = before[question + 1] + summary + over
        step = next((at for at in history.steps[1:] if before[at] >= enough), history.last_step)
        return Plan(question, step)


async def _carried_out(plan: Plan, history: History, summarizer: Summarizer, task: Task) -> History:
    for begin, end in _spans(plan, history):
        summary = await summarizer.sum_up(history, begin, end)
        size = task.tokens(summary)
        if size < history.before[end] - history.before[begin]:
            history = history.replaced(begin, end, summary, size)
    return history


def _spans(plan: Plan, history: History) -> Iterator[tuple[int, int]]:
    """What is to be summed up, the last first so that places before it stay. Summaries alone are left as they are."""
    for begin, end in ((history.question + 1, plan.step), (0, plan.cut)):
        if any(message.stands_for is None for message in history.messages[begin:end]):
            yield begin, end


def _new_chars(before: History, after: History) -> int:
    known = {id(message) for message in before.messages}
    new = (message for message in after.messages if message.stands_for is not None and id(message) not in known)
    return sum(len(text_of(message)) for message in new)
