"""How many tool uses run at a time, if some run on Ray and others in programs: neither of them sees both."""

from collections.abc import Iterable

import msgspec

from ....providers.schema.content import ToolUse
from ....providers.schema.tools import ProviderTool, Tool
from ...api.tools.places import ShippedRun
from .batch import ToolBatch


def with_given(batch: ToolBatch, tools: Iterable[Tool | ProviderTool]) -> tuple[ToolBatch, tuple[ToolUse, ...]]:
    """*batch* without those of the uses held in it that there is room for, and these.

    Where all run on one side, that side sees to the limit by itself, and none is held. Those on Ray come first: they
    end without anybody's help.
    """
    waiting = [use for use in batch.approved if use.id in batch.held]
    if not waiting:
        return batch, ()
    shipped = {tool.name: tool for tool in tools if isinstance(tool, Tool) and tool.shipped}
    on_ray = [use for use in batch.approved if use.name in shipped]
    room = len(waiting)
    if on_ray and len(on_ray) < len(batch.approved):
        most = min(ShippedRun.of(shipped[name]).max_parallel for name in {use.name for use in on_ray})
        room = max(0, most - len(batch.given))
    given = {use.id for use in sorted(waiting, key=lambda use: use.name not in shipped)[:room]}
    held = tuple(use.id for use in waiting if use.id not in given)
    return msgspec.structs.replace(batch, held=held), tuple(use for use in waiting if use.id in given)
