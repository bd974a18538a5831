"""What a session has run on Ray: a tool, for one of its uses, in one attempt."""

from typing import NamedTuple

import msgspec

from ....providers.schema.content import ToolResult, ToolUse
from ...api.events import ToolBatch
from ...api.tools.places import ShippedRun
from ...events.segments import HeldSession

RunEnd = tuple[ToolResult, bool]
"""The result of a run, an error result if it failed, and whether another run may have a better one."""


class RunId(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An *attempt* at a tool use, in a step of a turn of a session."""

    session_id: str
    epoch: int
    turn: int
    step: int
    tool_use_id: str
    attempt: int = 0


class RunOrder(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Run *tool* for *use*, for an *incarnation* of the session. The variables *hidden* are kept from it.

    If it is *resumed*, the incarnation before may have given this order, and the tool may run, or have its result.
    """

    id: RunId
    incarnation: int
    tool: ShippedRun
    use: ToolUse
    hidden: tuple[str, ...] = ()
    resumed: bool = False

    def again(self, attempt: int) -> "RunOrder":
        """The order for another *attempt*."""
        return msgspec.structs.replace(self, id=msgspec.structs.replace(self.id, attempt=attempt))


class BatchOrder(NamedTuple):
    """Run what is on Ray in *batch*, of *session*. If it is *resumed*, that is so for each of its orders."""

    session: HeldSession
    batch: ToolBatch
    resumed: bool = False

    def order(self, tool: ShippedRun, use: ToolUse, hidden: tuple[str, ...]) -> RunOrder:
        """The order for one of its uses."""
        session = self.session
        run = RunId(session.session_id, session.epoch, self.batch.turn, self.batch.step, use.id)
        return RunOrder(run, session.incarnation, tool, use, hidden, self.resumed)
