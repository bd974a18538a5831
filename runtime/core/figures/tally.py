"""What has happened in a conversation, counted: for its summary."""

from collections.abc import Iterable

import msgspec

from ....providers.schema.messages import RequestInfo
from ...api import events as out


class Tally(msgspec.Struct, gc=False, omit_defaults=True):
    """What has happened since the session was opened. Times are in Unix seconds.

    *running* is the number of the running turn, which has *started_at* that time.
    """

    completed: int = 0
    interrupted: int = 0
    failed: int = 0
    steps: int = 0
    tool_calls: int = 0
    failed_tool_calls: int = 0
    retries: int = 0
    turns_s: float = 0.0
    requests_s: float = 0.0
    tools_s: float = 0.0
    first_at: float = 0.0
    last_at: float = 0.0
    running: int = 0
    started_at: float = 0.0

    def count(self, emitted: Iterable[out.FromLLM], ended: RequestInfo | None, now: float) -> None:
        """Count what was *emitted* now, and the request that has *ended*, if one has."""
        self.first_at = self.first_at or now
        self.last_at = now
        if ended:
            self.requests_s += ended.duration_s or 0.0
        for event in emitted:
            self._count_event(event, now)

    def _count_event(self, event: out.FromLLM, now: float) -> None:
        match event:
            case out.TurnStarted():
                self.running, self.started_at = event.turn, now
            case out.Completed():
                self.completed += 1
                self._end_turn(event, now)
            case out.Interrupted():
                self.interrupted += 1
                self._end_turn(event, now)
            case out.Failed():
                self.failed += 1
                self._end_turn(event, now)
            case out.StepCompleted():
                self.steps += 1
                self.tool_calls += len(event.uses)
                self.failed_tool_calls += sum(result.is_error for result in event.results)
            case out.ToolCompleted() | out.ToolFailed():
                self.tools_s += event.duration_s or 0.0
            case out.Retrying():
                self.retries += 1
            case out.Cleared(counters=True):
                self._reset(now)
            case _:
                pass

    def _reset(self, now: float) -> None:
        """Nothing runs: the counters are set to 0 between two turns."""
        fresh = Tally(first_at=now, last_at=now)
        for name in self.__struct_fields__:
            setattr(self, name, getattr(fresh, name))

    def _end_turn(self, end: out.TurnEnd, now: float) -> None:
        """The turn that runs, or one that was queued and never ran, has ended."""
        if end.turn == self.running:
            self.turns_s += max(0.0, now - self.started_at)
            self.running = 0
