"""The tool uses that start before the answer that asks for them is complete."""

from collections.abc import Iterable
from typing import Self

import msgspec

from ....providers.schema.content import Block, ToolUse
from ....providers.schema.tools import Tool, ToolStart
from ...api.config import SessionConfig
from .batch import ToolBatch


class EarlyTools(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The *batch* of the tool uses of a running request that have started; *written* are they as the model wrote them.

    Tools start in the model's order. So once a use has to wait for the end of the answer, it *is_over*: those after it
    wait, too.
    """

    batch: ToolBatch
    written: tuple[ToolUse, ...] = ()
    is_over: bool = False

    def adding(self, written: ToolUse, use: ToolUse) -> Self:
        """These, and *use*: as the model wrote it, it is *written*."""
        batch = msgspec.structs.replace(self.batch, uses=(*self.batch.uses, use), early=(*self.batch.early, use.id))
        return msgspec.structs.replace(self, batch=batch, written=(*self.written, written))

    def missing_in(self, content: Iterable[Block]) -> list[str]:
        """The ids of those that do not stand in the *content* of the answer just as they did when they started."""
        written = [block for block in content if isinstance(block, ToolUse)]
        return [use.id for use, before in zip(self.batch.uses, self.written, strict=True) if before not in written]

    def merged(self, content: Iterable[Block], whole: ToolBatch) -> ToolBatch:
        """*whole*, the batch of an answer with *content*, with what is known of its uses that have started.

        Those are only the ones that are not missing.
        """
        written = (block for block in content if isinstance(block, ToolUse))
        final = dict(zip((use.id for use in whole.uses), written, strict=True))
        started = zip(self.batch.uses, self.written, strict=True)
        stay = {use.id: use for use, before in started if final.get(use.id) == before}
        early = self.batch

        def staying(ids: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(each for each in ids if each in stay)

        return msgspec.structs.replace(
            whole,
            uses=tuple(stay.get(use.id, use) for use in whole.uses),
            results=whole.results | {each: result for each, result in early.results.items() if each in stay},
            unapproved=staying(early.unapproved),
            decided=staying(early.decided),
            edited=staying(early.edited),
            started=staying(early.started),
            early=staying(early.early),
            held=staying(early.held),
        )


NO_EARLY_TOOLS = EarlyTools(ToolBatch((), {}))


def starts_early(name: str, config: SessionConfig) -> bool:
    """True if the uses of the tool *name* start before the answer is complete. Only a ``Tool`` of *config* does."""
    own = (tool for tool in config.tools if isinstance(tool, Tool) and tool.name == name)
    return any((tool.start or config.start_tools) is ToolStart.STREAMING for tool in own)


def may_start_early(config: SessionConfig) -> bool:
    """True if there is a tool in *config* whose uses start before the answer is complete."""
    return config.streaming and any(starts_early(tool.name, config) for tool in config.tools)
