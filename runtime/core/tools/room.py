"""How many tool uses run at a time, and in which order, whoever runs them: those who do see only their own."""

import msgspec

from ....providers.schema.content import ToolUse
from ....providers.schema.tools import Tool
from ...api.config import SessionConfig
from ...api.tools.places import ShippedRun
from .batch import ToolBatch


def runs_in_order(config: SessionConfig) -> bool:
    """True if each tool use waits until all before it have their results."""
    return config.max_parallel_tools == 1


def with_given(batch: ToolBatch, config: SessionConfig) -> tuple[ToolBatch, tuple[ToolUse, ...]]:
    """*batch* without those of the uses held in it that there is room for, and these.

    Where all run on one side, and the session sets no limit, that side sees to its limit by itself, and none is held.
    Otherwise those on Ray come first, unless all run in order: they end without anybody's help.
    """
    waiting = [use for use in batch.approved if use.id in batch.held]
    if not waiting:
        return batch, ()
    if runs_in_order(config):
        given = {use.id for use in batch.open[:1] if use in waiting}
    else:
        shipped = {tool.name: tool for tool in config.tools if isinstance(tool, Tool) and tool.shipped}
        on_ray = [use.name for use in batch.approved if use.name in shipped]
        limits = [] if config.max_parallel_tools is None else [config.max_parallel_tools]
        if on_ray and len(on_ray) < len(batch.approved):
            limits += [ShippedRun.of(shipped[name]).max_parallel for name in {*on_ray}]
        room = max(0, min(limits) - len(batch.given)) if limits else len(waiting)
        given = {use.id for use in sorted(waiting, key=lambda use: use.name not in shipped)[:room]}
    held = tuple(use.id for use in waiting if use.id not in given)
    return msgspec.structs.replace(batch, held=held), tuple(use for use in waiting if use.id in given)
