"""The result of a compaction. It crosses processes and is stored."""

import msgspec

from ..providers.schema.checks.shown import short_repr
from ..providers.schema.messages import Message
from ..providers.schema.usage import NONE_YET, Usage


class CompactionReport(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """What a compaction did. *strategy* names the strategies that changed something, or the configured one if none did.

    Turns of the old history are counted: *turns_compacted* lost something, *turns_kept* are unchanged. *summary_chars*
    is the length of the summaries written, *usage* what they cost. *problem* says why nothing was compacted, or not
    enough, or why a strategy failed.
    """

    __repr__ = short_repr

    strategy: str
    messages_before: int
    messages_after: int
    tokens_before: int
    tokens_after: int
    turns_compacted: int = 0
    turns_kept: int = 0
    summary_chars: int = 0
    usage: Usage = NONE_YET
    problem: str | None = None


class CompactionResult(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The *messages* of the compacted history, or ``None`` if the history is unchanged, and the *report*."""

    __repr__ = short_repr

    messages: tuple[Message, ...] | None = None
    report: CompactionReport
