"""What every way to shorten a history does."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ..providers.schema.usage import NONE_YET, Usage
from .history import History
from .task import Task


class Reach(Enum):
    """How far a strategy may go."""

    OLD = "old"
    """Recent turns stay as they are."""
    ALL = "all"
    """Recent turns, too, from the oldest on, as far as it takes."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The *history* that came of it: the very same one if nothing changed. *problem* says what went wrong."""

    history: History
    summary_chars: int = 0
    usage: Usage = NONE_YET
    problem: str | None = None


class Strategy(Protocol):
    """One way to shorten a history."""

    async def shorten(self, history: History, task: Task, reach: Reach) -> Outcome:
        """Shorten *history*, in which those of *task* may have changed already, until it fits.

        Old turns are taken all at once, so that the rest stays as it is for long. The last message of the user and the
        step after it that is last are never touched, and tool uses stay with their results. Done again on what came
        of it, it changes nothing. It fails only by its outcome; cancelling it leaves nothing behind.
        """
        ...
