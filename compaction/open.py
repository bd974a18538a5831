"""From a config to a shorter history."""

from .task import Task
from .words import Compaction, Report, Shortened


async def shorten(task: Task, config: Compaction) -> Shortened:
    """The history of *task*, shortened as *config* says until it fits.

    Cancelling it leaves nothing behind.
    """
    tokens = sum(map(task.tokens, task.messages))
    count = len(task.messages)
    report = Report(
        strategy=config.name,
        messages_before=count,
        messages_after=count,
        tokens_before=tokens,
        tokens_after=tokens,
        problem="no strategy is at work yet",
    )
    return Shortened(report=report)
