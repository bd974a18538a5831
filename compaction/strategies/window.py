"""The last turns, and nothing before them."""

from collections.abc import Sequence

from ..config import Window
from ..history import History
from ..strategy import Outcome, Reach
from ..task import Task


class Dropping:
    """Leaves out the oldest turns. Summaries stay as long as there is something else to leave out."""

    def __init__(self, config: Window):
        self._config = config

    async def shorten(self, history: History, task: Task, reach: Reach) -> Outcome:
        shorter = _without(history, self._old(history), history.question + 1)
        if reach is Reach.ALL and shorter.tokens > task.budget_tokens:
            shorter = _fitting(history, self._old(history), task.budget_tokens)
        return Outcome(shorter)

    def _old(self, history: History) -> int:
        """Where the turns begin that the config wants kept."""
        if self._config.keep_recent_turns is not None:
            return history.old(self._config.keep_recent_turns)
        least = history.tokens - (self._config.max_tokens or 0)
        return next((at for at in history.turns if history.before[at] >= least), history.question)


def _fitting(history: History, old: int, budget_tokens: int) -> History:
    """Less and less, until it fits or nothing more can go: turns, steps of the last turn, summaries."""
    kept = _kept_summaries(history)
    question, before = history.question, history.before
    over = history.tokens - budget_tokens
    cut = _first_that_frees(history, kept, [at for at in history.turns if at >= old], 0, over)
    steps = [question + 1, *history.steps[1:]]
    freed = before[cut] - kept[cut]
    step = _first_that_frees(history, kept, steps, question + 1, over - freed)
    shorter = _without(history, cut, step)
    if shorter.tokens <= budget_tokens:
        return shorter
    return history.only({question, *range(history.last_step, len(history.messages))})


def _first_that_frees(history: History, kept: Sequence[int], places: Sequence[int], begin: int, tokens: int) -> int:
    """The first of *places* that has *tokens* to leave out between *begin* and it; else the last."""
    base = history.before[begin] - kept[begin]
    return next((at for at in places if history.before[at] - kept[at] - base >= tokens), places[-1])


def _kept_summaries(history: History) -> list[int]:
    """The tokens of summaries before each place."""
    kept = [0]
    for message, size in zip(history.messages, history.sizes, strict=True):
        kept.append(kept[-1] + (size if message.stands_for is not None else 0))
    return kept


def _without(history: History, cut: int, step: int) -> History:
    """Without what stands before *cut*, and between the question and *step*, but for summaries."""
    question, messages = history.question, history.messages
    return history.only(
        at for at in range(len(messages)) if at >= step or cut <= at <= question or messages[at].stands_for is not None
    )
